/**
 * How many tokens of each sequence stay under `longest_first` truncation, when both together may keep `room` tokens
 * (special tokens already taken off): the longer one loses tokens until both are equal, then both lose in turn.
 *
 * In closed form, as in the Rust `tokenizers` library (`utils/truncation.rs`): the shorter one keeps at most
 * floor(room / 2), the longer one gets the rest. Where both are equally long, the first counts as the shorter, so the
 * second keeps the odd token.
 *
 * @returns token counts [first, second]
 */
export function longestFirst(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second, Math.floor(room / 2));
  return first <= second ? [shorter, room - shorter] : [room - shorter, shorter];
}
