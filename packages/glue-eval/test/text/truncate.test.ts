import { describe, expect, it } from 'vitest';
import { longestFirst } from '../../src/text/truncate.js';

/** The definition, one token at a time. The Rust library lets the odd token go to the second of two equals. */
function oneByOne(first: number, second: number, room: number): [number, number] {
  let [a, b] = [first, second];
  while (a + b > room) {
    if (a > b) a--;
    else if (b > a) b--;
    else if (first <= second) a--;
    else b--;
  }
  return [a, b];
}

describe('longestFirst', () => {
  it.each([
    [3, 4, 7, [3, 4]],
    [10, 2, 8, [6, 2]],
    [2, 10, 8, [2, 6]],
    [6, 6, 7, [3, 4]],
    [7, 6, 7, [4, 3]],
    [5, 9, 0, [0, 0]],
    [0, 9, 4, [0, 4]],
  ])('keeps of %i and %i tokens within %i: %j', (first, second, room, kept) => {
    expect(longestFirst(first, second, room)).toEqual(kept);
  });

  it('equals the definition for all small lengths', () => {
    for (let first = 0; first <= 12; first++) {
      for (let second = 0; second <= 12; second++) {
        for (let room = 0; room <= 25; room++) {
          expect(longestFirst(first, second, room)).toEqual(oneByOne(first, second, room));
        }
      }
    }
  });
});
