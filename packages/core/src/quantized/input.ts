/** Scale and zero point that an op's result is to have; for PyTorch's users, its `output_scale` and the like. */
export interface OutputQParams {
  readonly scale: number;
  readonly zeroPoint: number;
}
