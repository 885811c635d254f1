import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tensor } from '@octavo/core';
import { writeSafetensors } from '@octavo/core/node';
import { afterAll, describe, expect, it } from 'vitest';
import { runGolden } from '../../src/golden/index.js';

process.env.OCTAVO_BACKEND = 'reference';

const STORED = fileURLToPath(new URL('../../../../../shared/golden/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'octavo-golden-'));
afterAll(() => rmSync(folder, { recursive: true }));

const absent = !existsSync(STORED);
const stored = absent ? ' (skipped: ../shared/golden is absent)' : '';

describe('the stored vectors', () => {
  it.skipIf(absent)(`agree bit for bit where we have the op${stored}`, async () => {
    const { passed, failed, pending, text } = await runGolden(STORED);
    for (const line of [
      'choose_qparams      774 of 774 exact',
      'conv                157 of 157 exact',
      'elementwise         770 of 797 exact, 27 within tolerance, largest difference 1',
      'embedding           46 of 46 exact',
      'histogram_observer  184 of 184 exact',
      'linear_dynamic      252 of 252 exact',
      'linear_static       205 of 205 exact',
      // Sigmoid and tanh are ours: they differ from PyTorch's in last bits, far below the cases' 2e-6.
      'lstm_dynamic        3 of 73 exact, 70 within tolerance, largest difference 1.4901161193847656e-7',
      // The CNN's codes are exact; its float form and BERT are within what float sums of another order may differ by.
      'modules_end_to_end  0 of 19 exact, 19 within tolerance, largest difference 0.0000010728836059570312',
      // SQNRs of a model that is calibrated here, in dB: PyTorch sums its float convolutions in another order.
      'numeric_suite       0 of 9 exact, 9 within tolerance, largest difference 0.00006000269942063596',
      'observers           568 of 568 exact',
      'quantize            533 of 533 exact',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(failed).toBe(0);
    expect(passed + pending).toBe(3617);
    expect(text.endsWith(`\n${passed} passed, 0 failed`)).toBe(true);
  });

  it.skipIf(absent)(`can be run by group, and a changed one is found${stored}`, async () => {
    for (const ending of ['json', 'safetensors'])
      cpSync(`${STORED}quantize.${ending}`, join(folder, `quantize.${ending}`));
    expect((await runGolden(folder, { groups: ['quantize'] })).passed).toBe(533);
  });
});

describe('one small group', () => {
  const cases = (extra: object): object[] => [
    {
      name: 'one',
      op: 'quantize_per_tensor',
      params: { scale: 0.5, zero_point: 1, dtype: 'quint8' },
      inputs: { x: 'x' },
      outputs: { q: 'q', q_scale: 0.5 },
      exact: true,
      ...extra,
    },
  ];
  const run = async (extra: object, codes = [3, 5]): Promise<string> => {
    const dir = mkdtempSync(join(folder, 'group-'));
    await writeSafetensors(join(dir, 'g.safetensors'), {
      x: Tensor.from([1, 2]),
      q: Tensor.from(codes, { dtype: 'uint8' }),
      sane: Tensor.from([3, 5], { dtype: 'uint8' }),
    });
    writeFileSync(join(dir, 'g.json'), JSON.stringify(cases(extra)));
    return (await runGolden(dir)).text;
  };

  it('says how many agree, differ, and wait', async () => {
    expect(await run({})).toBe('g  1 of 1 exact\n1 passed, 0 failed');
    expect(await run({}, [3, 6])).toBe(
      'g  0 of 1 exact, 1 failed, largest difference 1\n  one: q at 1 is 5, expected 6\n0 passed, 1 failed',
    );
    expect(await run({ exact: false, tolerance: 1 }, [3, 6])).toBe(
      'g  0 of 1 exact, 1 within tolerance, largest difference 1\n1 passed, 0 failed',
    );
    expect(await run({ approximate: { q: 2 } }, [3, 7])).toContain('1 within tolerance, largest difference 2');
    expect(await run({ exact: false, tolerance: 1, outputs: { q_scale: 0.6 } })).toContain(
      'one: q_scale is 0.5, expected 0.6',
    );
    expect(await run({ op: 'conv9d' })).toBe('g  0 of 1 exact, 1 pending\n0 passed, 0 failed');
  });

  it('where plain formulas differ from PyTorch, allows as many differences as the case counts', async () => {
    const counted = (plain: number): object => ({
      exact: false,
      tolerance: 1,
      formula_mismatched_elements: { plain, vector64_then_scalar: 0 },
    });
    expect(await run(counted(1), [3, 6])).toContain('1 within tolerance, largest difference 1');
    expect(await run(counted(1), [4, 6])).toContain('one: q differs in 2 elements, expected at most 1');
    expect(await run(counted(2), [3, 7])).toContain('one: q at 1 is 5, expected 7');
    expect(await run({ ...counted(1), exact: true }, [3, 6])).toContain('one: q at 1 is 5, expected 6');
  });

  it('compares a quirk with the sane answer alone', async () => {
    expect(
      await run({ quirk: 'overflow', outputs: { q: 'q', q_saturated: 'sane', dequantized: 'q' } }, [0, 0]),
    ).toContain('1 of 1 exact');
  });

  it('fails a case that throws, or that shares no output', async () => {
    expect(await run({ params: { scale: 0, zero_point: 0, dtype: 'quint8' } })).toContain(
      'one: [quantizePerTensor] a scale must be positive',
    );
    expect(await run({ outputs: { other: 1 } })).toContain('one: none of the stored outputs was computed');
  });
});

describe('bad folders', () => {
  it('are refused in one sentence', async () => {
    await expect(runGolden(join(folder, 'none'))).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_NOT_FOUND' }) as Error,
    );
    const empty = mkdtempSync(join(folder, 'empty-'));
    await expect(runGolden(empty)).rejects.toThrow(
      'expected golden vectors (pairs of NAME.json and NAME.safetensors), found none',
    );
    await writeSafetensors(join(empty, 'a.safetensors'), {});
    writeFileSync(join(empty, 'a.json'), '{');
    await expect(runGolden(empty)).rejects.toThrow('a.json: expected JSON (');
    writeFileSync(join(empty, 'a.json'), '[{}]');
    await expect(runGolden(empty)).rejects.toThrow('expected an array of cases');
    writeFileSync(join(empty, 'a.json'), '[{"name":"n","op":"o","params":{},"inputs":{"x":"gone"},"outputs":{}}]');
    await expect(runGolden(empty)).rejects.toThrow("there is no tensor 'gone' for role 'x'");
  });
});
