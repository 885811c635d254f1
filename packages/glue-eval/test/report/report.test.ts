import { describe, expect, it } from 'vitest';
import { significant } from '../../src/report/columns.js';
import { renderHtml } from '../../src/report/html.js';
import { renderJson } from '../../src/report/json.js';
import { renderText } from '../../src/report/text-table.js';
import { exampleEvaluation } from './example-evaluation.js';

describe('renderText', () => {
  it('prints one aligned line a row', () => {
    expect(renderText(exampleEvaluation())).toBe(
      [
        'models/x on mrpc (dev, 2 examples), backend native avx2, 1 thread',
        '',
        'mode   qconfig    MB  accuracy      F1    mean  changed  seconds  ms/example  ms/batch  speed-up  int8',
        'float           61.2    0.7941  0.8571  0.8256        0     12.5        30.6       245     1.00x    0%',
        'graph  perRow   29.1    0.7941  0.8571  0.8256        1     5.00        12.3      98.0     2.50x   97%',
        '',
      ].join('\n'),
    );
  });

  it('puts the note first', () => {
    const text = renderText(exampleEvaluation({ note: 'only 4 of 408 examples were taken' }));
    expect(text.split('\n')[0]).toBe('Note: only 4 of 408 examples were taken');
  });

  it('leaves empty what a saved graph cannot know', () => {
    const evaluation = exampleEvaluation();
    const row = { ...evaluation.summary.modes[1], labelsChanged: null, speedup: null } as never;
    const text = renderText({ ...evaluation, summary: { ...evaluation.summary, modes: [row] } });
    expect(text.split('\n')[3]).toBe(
      'graph  perRow   29.1    0.7941  0.8571  0.8256              5.00        12.3      98.0             97%',
    );
  });
});

describe('significant', () => {
  it.each([
    [0, '0'],
    [0.001234, '0.00123'],
    [4.5678, '4.57'],
    [78.91, '78.9'],
    [1234.5, '1235'],
  ])('%d is %s', (value, text) => expect(significant(value)).toBe(text));
});

describe('renderJson', () => {
  it('has the documented keys, in order, and nothing else', () => {
    const json = renderJson(exampleEvaluation());
    const result = JSON.parse(json);
    expect(Object.keys(result)).toEqual(['model', 'task', 'split', 'examples', 'backend', 'modes']);
    expect(Object.keys(result.backend)).toEqual(['name', 'isa', 'threads']);
    expect(Object.keys(result.modes[0])).toEqual([
      ...['mode', 'scheme', 'qconfig', 'sizeMB', 'metrics', 'labelsChanged'],
      ...['totalSeconds', 'msPerExample', 'msPerBatch', 'speedup', 'int8Share'],
    ]);
    expect(Object.keys(result.modes[0].metrics)).toEqual(['accuracy', 'f1', 'accF1']);
    expect(json.endsWith('}\n')).toBe(true);
  });

  it('has the note where there is one', () => {
    expect(JSON.parse(renderJson(exampleEvaluation({ note: 'few' }))).note).toBe('few');
  });
});

describe('renderHtml', () => {
  const hostile = `<script>alert('x')</script>"&`;
  const html = renderHtml(exampleEvaluation({ model: hostile, note: hostile }));

  it('escapes all that comes from outside', () => {
    expect(html).not.toContain('<script');
    expect(html).toContain('&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;');
    expect(html).toContain('kept &lt;float&gt; &amp; &quot;quoted&quot;');
  });

  it('is one page that loads nothing', () => {
    expect(html.startsWith('<!doctype html>')).toBe(true);
    expect(html).not.toMatch(/\b(src|href|url)\s*[=(]/);
    expect(html).not.toMatch(/\son\w+=/);
  });

  it('closes every element it opens', () => {
    const open: string[] = [];
    for (const [, closing, name, selfClosing] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
      if (name === 'meta' || selfClosing === '/') continue;
      if (closing === '') open.push(name as string);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  it('draws a bar a row for size, latency and each metric', () => {
    expect(html.match(/<svg /g)).toHaveLength(5);
    expect(html.match(/<rect /g)).toHaveLength(10);
    expect(html).toContain('aria-label="Size (MB): float 61.2, graph perRow 29.1"');
  });

  it('lists the layers of quantized rows', () => {
    expect(html).toContain('graph perRow: 1 of 2 layers in int8');
    expect(html.match(/<details>/g)).toHaveLength(1);
  });
});
