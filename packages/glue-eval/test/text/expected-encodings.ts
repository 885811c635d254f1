/**
 * What Hugging Face's fast tokenizer (Python package `tokenizers` 0.23.3) gives for models/mrpc-small:
 *
 *     tokenizer = Tokenizer.from_file('models/mrpc-small/tokenizer.json')
 *     tokenizer.enable_truncation(max_length=maxLength)  # longest_first
 *     encoding = tokenizer.encode(a, b)                  # .ids, .type_ids
 *
 * Each row: a, b (null: a single text), maxLength, ids, type ids.
 */
export const EXPECTED: [string, string | null, number, number[], number[]][] = [
  ['The museum reopened on Friday.', null, 128, [2, 123, 804, 7019, 133, 3620, 18, 3], [0, 0, 0, 0, 0, 0, 0, 0]],
  [
    'The museum reopened on Friday.',
    'Visitors returned to the museum at the end of the week.',
    128,
    [2, 123, 804, 7019, 133, 3620, 18, 3, 3446, 632, 127, 123, 804, 139, 123, 329, 124, 123, 848, 18, 3],
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  ],
  [
    'Shares of Brightwater rose 3.25%, to $41.07.',
    "Brightwater's stock won 3.25 percent.",
    20,
    [2, 4133, 124, 2385, 10648, 248, 1222, 23, 18, 542, 3, 2385, 10648, 248, 11, 61, 2479, 306, 23, 3],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  ],
  [
    'one two three four five six',
    'seven eight nine ten eleven twelve',
    10,
    [2, 155, 175, 220, 3, 813, 921, 1255, 817, 3],
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
  ],
  [
    'one two three four five six',
    'seven eight nine ten eleven twelve',
    12,
    [2, 155, 175, 220, 302, 3, 813, 921, 1255, 817, 1528, 3],
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
  ],
  [
    'one two three four five six seven eight',
    'nine ten',
    9,
    [2, 155, 175, 220, 302, 3, 1255, 817, 3],
    [0, 0, 0, 0, 0, 0, 1, 1, 1],
  ],
  [
    'one two',
    'three four five six seven eight nine ten',
    9,
    [2, 155, 175, 3, 220, 302, 397, 536, 3],
    [0, 0, 0, 0, 1, 1, 1, 1, 1],
  ],
  ['one two three', '', 128, [2, 155, 175, 220, 3, 3], [0, 0, 0, 0, 0, 1]],
  ['', 'one two three', 128, [2, 3, 155, 175, 220, 3], [0, 0, 1, 1, 1, 1]],
  ['one two three', 'four five six', 3, [2, 3, 3], [0, 0, 1]],
  ['one two three', null, 2, [2, 3], [0, 0]],
  [
    'Crème brûlée – 東京 \u200b☕ [SEP] ok',
    'it\'s "quoted"',
    128,
    [2, 7721, 10055, 4994, 5752, 190, 115, 1, 1, 1, 3, 4965, 3, 136, 11, 61, 6, 5771, 6, 3],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1],
  ],
];
