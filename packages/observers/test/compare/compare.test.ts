import { QuantizedTensor, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import {
  Comparison,
  type ComparisonRow,
  comparisonJson,
  cosine,
  maxAbsError,
  renderComparison,
  renderComparisonHtml,
  sqnr,
} from '../../src/index.js';

const row = (name: string, float: number[], quantized: number[], kind: ComparisonRow['kind'] = 'activation') =>
  new Comparison(name, kind, 'quantized::conv').add(float, quantized).row();

const rows = [
  row('conv', [3, -4], [3, -4.5]),
  row('block.conv1', [1, 2], [1, 2]),
  row('fc', [0.001, -0.002], [0.0012, -0.0025]),
];

describe('Comparison', () => {
  it('gives of batches in turn what it gives of all at once', () => {
    const [x, y] = [
      [0.1, -0.5, 0.9, 1e-3],
      [0.098, -0.502, 0.902, 0],
    ] as const;
    const turns = new Comparison('a', 'output').add(x.slice(0, 3), y.slice(0, 3)).add(x.slice(3), y.slice(3)).row();
    expect(turns).toEqual(new Comparison('a', 'output').add(x, y).row());
    expect(turns).toMatchObject({ sqnr: sqnr(x, y), cosine: cosine(x, y), maxAbsError: maxAbsError(x, y) });
  });

  it('tells the values of both sides; codes count as what they stand for', () => {
    const codes = new QuantizedTensor('quint8', Tensor.from([2, 0], { dtype: 'uint8' }), {
      scales: Float32Array.of(0.5),
      zeroPoints: Int32Array.of(1),
    });
    expect(new Comparison('fc.weight', 'weight').add(Tensor.from([0.75, -0.5]), codes).row()).toEqual({
      name: 'fc.weight',
      kind: 'weight',
      sqnr: 10 * Math.log10(0.8125 / 0.0625),
      cosine: 0.625 / (Math.sqrt(0.8125) * Math.sqrt(0.5)),
      maxAbsError: 0.25,
      float: { count: 2, min: -0.5, max: 0.75, mean: 0.125, rms: Math.sqrt(0.8125 / 2) },
      quantized: { count: 2, min: -0.5, max: 0.5, mean: 0, rms: 0.5 },
    });
  });

  it('takes float16, and names the row whose sizes differ', () => {
    const halves = new Tensor('float16', Uint16Array.of(0x3c00, 0xc000), [2]);
    expect(new Comparison('w', 'weight').add([1, -2], halves).row().sqnr).toBe(Number.POSITIVE_INFINITY);
    expect(() => new Comparison('fc', 'output').add([1], [1, 2])).toThrow(
      '[compare fc] expected two tensors of one size, got 1 and 2 elements',
    );
  });
});

describe('renderComparison', () => {
  it('prints one aligned line a row, and the worst', () => {
    expect(renderComparison(rows)).toBe(
      [
        'name         op               compared    SQNR dB    cosine  max error      float range',
        'conv         quantized::conv  activation     20.0  0.998460        0.5          -4 to 3',
        'block.conv1  quantized::conv  activation    equal  1.000000          0           1 to 2',
        'fc           quantized::conv  activation     12.4  0.999870     0.0005  -0.002 to 0.001',
        'lowest of 3: 12.4 dB at fc (activation)',
      ].join('\n'),
    );
  });

  it('can begin with the worst, a NaN before all', () => {
    const text = renderComparison([...rows, row('broken', [Number.NaN], [1])], { order: 'worst' });
    const names = text.split('\n').map((line) => line.split(' ')[0]);
    expect(names).toEqual(['name', 'broken', 'fc', 'conv', 'block.conv1', 'lowest']);
    expect(renderComparison([])).toBe('nothing to compare');
  });
});

describe('renderComparisonHtml', () => {
  const html = renderComparisonHtml([...rows, row('<b>&', [1], [2], 'weight')], { title: '<i>' });

  it('has a plot and a table for each kind, the worst first', () => {
    expect([...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title)).toEqual(['Activations', 'Weights']);
    expect([...html.matchAll(/class="label">(.*?)</g)].map(([, label]) => label)).toEqual([
      'fc',
      'conv',
      'block.conv1',
      '&lt;b&gt;&amp;',
    ]);
    expect(html.match(/<rect [^>]*class="poor"/g)).toHaveLength(3);
    expect(html.match(/<rect [^>]*class="good"/g)).toHaveLength(1);
    expect(html).toContain('aria-label="Activations: SQNR in dB: fc 12.4, conv 20.0, block.conv1 equal"');
    expect(html.match(/<tr><td/g)).toHaveLength(4);
  });

  it('keeps the given order where that is asked for', () => {
    const given = renderComparisonHtml(rows, { order: 'given' });
    expect(given.indexOf('>conv<')).toBeLessThan(given.indexOf('>fc<'));
  });

  it('is one page that loads nothing, with names escaped and every element closed', () => {
    expect(html).toContain('<title>&lt;i&gt;</title>');
    expect(html).not.toMatch(/<script|<b>|\b(src|href|url)\s*[=(]|\son\w+=/);
    const open: string[] = [];
    for (const [, closing, name, selfClosing] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
      if (name === 'meta' || selfClosing === '/') continue;
      if (closing === '') open.push(name as string);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  it('says when there is nothing', () => expect(renderComparisonHtml([])).toContain('Nothing to compare.'));
});

it('comparisonJson keeps infinities as text that Number reads', () => {
  const [, equal] = JSON.parse(comparisonJson(rows));
  expect(equal).toMatchObject({ name: 'block.conv1', sqnr: 'Infinity', maxAbsError: 0, float: { count: 2, max: 2 } });
  expect(Number(equal.sqnr)).toBe(Number.POSITIVE_INFINITY);
});
