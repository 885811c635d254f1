/** An image as the models' preprocessing takes it: 8-bit RGB, row by row from the top, three bytes a pixel. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `height * width * 3` bytes. */
  readonly data: Uint8Array;
}
