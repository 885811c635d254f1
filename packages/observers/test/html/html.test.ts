import { expect, test } from 'vitest';
import { barChart, escapeHtml } from '../../src/index.js';

test('escapeHtml escapes the five characters', () => {
  expect(escapeHtml(`<a b="c">'&`)).toBe('&lt;a b=&quot;c&quot;&gt;&#39;&amp;');
});

test('bars are as long as their values, and a long label gets room', () => {
  const bar = (label: string, value: number) => ({ label, value, text: String(value), kind: 'good' });
  expect(barChart('t', [bar('a', 10), bar('b', 5), bar('c', -3)]).match(/width="[\d.]+"/g)).toEqual([
    'width="230.0"',
    'width="115.0"',
    'width="1.0"',
  ]);
  expect(barChart('t', [bar('a', 1)])).toContain('viewBox="0 0 410 24"');
  expect(barChart('t', [bar('encoder.layer.0.attention', 1)])).toContain('viewBox="0 0 467 24"');
});
