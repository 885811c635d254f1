import type { FileHandle } from 'node:fs/promises';
import { OctavoError } from '../errors.js';

/** Bytes of one read: so many that calls do not count, so few that they are in the cache when they are listened to. */
const PIECE = 2 ** 22;
/** Pieces that are being read while one is listened to. */
const AHEAD = 2;
/** Places in memory that one call can fill: Linux's IOV_MAX. */
const MAX_PLACES = 1024;

/** Hears bytes in the order of the file. */
export type BytesListener = (bytes: Uint8Array) => void;

/** Places in memory that a file's bytes from `from` on fill, one behind the other. */
interface Piece {
  readonly from: number;
  readonly places: readonly Uint8Array[];
}

/**
 * Fills `places` with the bytes of the file from `from` on, one behind the other, and has `listen` hear all of them in
 * order, while threads of Node's pool read what follows. A file that ends before is INVALID_FILE.
 */
export async function readInto(
  file: FileHandle,
  from: number,
  places: readonly Uint8Array[],
  path: string,
  listen: BytesListener,
): Promise<void> {
  const reads: Promise<Piece>[] = [];
  const hear = async (): Promise<void> => {
    for (const bytes of ((await reads.shift()) as Piece).places) listen(bytes);
  };
  for (const piece of piecesOf(from, places)) {
    const read = readPiece(file, piece, path);
    // Waited for in its turn; an error before that must not leave it to fail unheard.
    read.catch(() => {});
    reads.push(read);
    if (reads.length > AHEAD) await hear();
  }
  while (reads.length > 0) await hear();
}

/** Large places are cut, small ones go together. */
function* piecesOf(from: number, places: readonly Uint8Array[]): Generator<Piece> {
  let piece: Uint8Array[] = [];
  let bytes = 0;
  for (const place of places) {
    for (let begin = 0; begin < place.length; ) {
      const part = place.subarray(begin, begin + PIECE - bytes);
      piece.push(part);
      bytes += part.length;
      begin += part.length;
      if (bytes === PIECE || piece.length === MAX_PLACES) {
        yield { from, places: piece };
        from += bytes;
        piece = [];
        bytes = 0;
      }
    }
  }
  if (bytes > 0) yield { from, places: piece };
}

async function readPiece(file: FileHandle, piece: Piece, path: string): Promise<Piece> {
  let { from } = piece;
  let places = [...piece.places];
  while (places.length > 0) {
    const { bytesRead } = await file.readv(places, from);
    if (bytesRead === 0) {
      throw new OctavoError(
        'INVALID_FILE',
        `${path}: the file became shorter while it was read; read it again when it is complete`,
      );
    }
    from += bytesRead;
    places = unfilled(places, bytesRead);
  }
  return piece;
}

/** What is left of places of which the first `bytes` are filled. */
function unfilled(places: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  for (const place of places) {
    if (bytes < place.length) left.push(place.subarray(bytes));
    bytes = Math.max(0, bytes - place.length);
  }
  return left;
}
