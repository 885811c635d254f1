import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@octavo/core';
import { defaultPerChannelQConfig, defineQConfig, MinMaxObserver, sqnr } from '@octavo/observers';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type AccuracyControlOptions,
  calibrate,
  convert,
  coverage,
  type Graph,
  prepare,
  quantizeWithAccuracyControl,
  renderAccuracyReport,
  sensitivity,
  trace,
} from '../../src/index.js';
import { images, tinyConvNet } from '../conv-models.js';

const float = trace(tinyConvNet(), images(2));
const test = images(16, 99);
const expected = float.run(test).output as Tensor;
/** Decibels of the logits over their error: a metric that needs no labels. */
const evaluate = (graph: Graph) => Math.min(sqnr(expected, graph.run(test).output as Tensor), 60);
const calibration = [images(4, 1), images(3, 2), images(5, 3)];
const qconfigDict = { '': defaultPerChannelQConfig };
const options: AccuracyControlOptions = { evaluate, maxDrop: 30, qconfigDict, calibration };

/** One activation, behind `depthwise`, in steps of 1 where the others have steps of about 0.02. */
const spoilt = {
  ...qconfigDict,
  depthwise: defineQConfig({ ...defaultPerChannelQConfig, activation: MinMaxObserver.withArgs({ eps: 1 }) }),
};

describe('quantizeWithAccuracyControl', () => {
  it('leaves everything int8 where the drop is met at once', async () => {
    const { graph, report } = await quantizeWithAccuracyControl(float, { ...options, maxDrop: 40 });
    expect(report.met).toBe(true);
    expect(report.trials).toHaveLength(1);
    expect(report.groups.map(({ activation }) => activation)).toEqual([
      'input',
      'relu',
      'block.relu',
      'block.conv2',
      'block.relu',
      'relu6',
      'fc',
    ]);
    expect(coverage(graph).rows.every(({ precision }) => precision === 'int8')).toBe(true);
  });

  it('meets a drop that is as large as allowed but for binary rounding', async () => {
    // 87.8 - 87.6 = 0.20000000000000284.
    const metrics = [87.8, 87.6];
    const { report } = await quantizeWithAccuracyControl(float, {
      ...options,
      evaluate: () => metrics.shift() as number,
      maxDrop: 0.2,
    });
    expect(report).toMatchObject({ met: true, drop: 0.2 });
  });

  it('finds the activation whose range is too wide and gives it back to float', async () => {
    const { graph, report } = await quantizeWithAccuracyControl(float, { ...options, qconfigDict: spoilt });
    expect(report.met).toBe(true);
    expect(report.trials[0]?.drop).toBeGreaterThan(30);
    expect(report.trials[1]?.group?.activation).toBe('relu6');
    expect(report.drop).toBeLessThanOrEqual(30);
    const rows = Object.fromEntries(
      coverage(graph).rows.map(({ path, precision, reason }) => [path, [precision, reason]]),
    );
    expect(rows.depthwise).toEqual(['float32', 'given back to float for its accuracy']);
    expect(rows['block.conv1']?.[0]).toBe('int8');
    // A drop is reported to the digits that a binary difference of metrics has.
    expect(report.drop).toBeCloseTo(60 - evaluate(graph), 9);
    expect(renderAccuracyReport(report)).toContain('relu6 float (with fc)');
  });

  it('ends with the best graph it has when its trials are used up', async () => {
    const { report } = await quantizeWithAccuracyControl(float, { ...options, maxDrop: 0, maxTrials: 1 });
    expect(report.met).toBe(false);
    expect(report.trials).toHaveLength(2);
    expect(report.metric).toBe(Math.max(...report.trials.map(({ metric }) => metric)));
  });

  it('takes out every group for a drop that no int8 graph meets', async () => {
    const { graph, report } = await quantizeWithAccuracyControl(float, { ...options, maxDrop: 0, evaluate: strict });
    expect(report.met).toBe(true);
    expect(graph.print()).not.toContain('quantized::');
  });

  describe('with a file to resume from', () => {
    const folder = mkdtempSync(join(tmpdir(), 'octavo-'));
    afterAll(() => rmSync(folder, { recursive: true }));
    const resume = join(folder, 'search.json');

    it('goes on where it was interrupted, and measures nothing twice', async () => {
      const stop = new AbortController();
      let evaluations = 0;
      const counted = (graph: Graph) => {
        evaluations++;
        if (evaluations === 3) stop.abort();
        return evaluate(graph);
      };
      const search = { ...options, maxDrop: 5, maxTrials: 3, resume };
      const first = quantizeWithAccuracyControl(float, { ...search, evaluate: counted, signal: stop.signal });
      await expect(first).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }) as Error);
      const { report } = await quantizeWithAccuracyControl(float, { ...search, evaluate: counted });
      const whole = await quantizeWithAccuracyControl(float, { ...search, resume: join(folder, 'other.json') });
      expect(report).toEqual(whole.report);
      expect(evaluations).toBe(whole.report.trials.length + 1);
    });

    it('refuses a file of another search, and one that is none', async () => {
      const before = readFileSync(resume, 'utf8');
      await expect(quantizeWithAccuracyControl(float, { ...options, qconfigDict: spoilt, resume })).rejects.toThrow(
        /this search had another model/,
      );
      expect(readFileSync(resume, 'utf8')).toBe(before);
      const broken = join(folder, 'broken.json');
      writeFileSync(broken, '{"fingerprint": 1');
      await expect(quantizeWithAccuracyControl(float, { ...options, resume: broken })).rejects.toThrow(
        /expected what an accuracy search wrote/,
      );
    });
  });

  it('refuses options that mean nothing', async () => {
    const run = (change: object) => quantizeWithAccuracyControl(float, { ...options, ...change });
    await expect(run({ maxDrop: -1 })).rejects.toThrow(/maxDrop must be a number of 0 or more/);
    await expect(run({ maxTrials: 1.5 })).rejects.toThrow(/maxTrials/);
    await expect(run({ evaluate: () => Number.NaN })).rejects.toThrow(/evaluate gave NaN/);
    await expect(run({ evaluate: undefined })).rejects.toThrow(/evaluate must be a function/);
  });
});

/** 1 for the float logits themselves, else 0. */
function strict(graph: Graph): number {
  // Folding batch norms rounds once more than the float graph does.
  return sqnr(expected, graph.run(test).output as Tensor) > 100 ? 1 : 0;
}

describe('sensitivity', () => {
  it('names the worst part first', async () => {
    const prepared = await calibrate(prepare(float, spoilt), calibration);
    const rows = await sensitivity(prepared, calibration);
    expect(rows[0]?.activation).toBe('relu6');
    expect(rows[0]?.layers).toEqual(['fc']);
    expect(rows).toHaveLength(7);
    const errors = rows.map(({ error }) => error);
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
    expect(rows[0]?.sqnr).toBeCloseTo(-10 * Math.log10(errors[0] as number), 10);
  });

  it('leaves the prepared graph as it was', async () => {
    const prepared = await calibrate(prepare(float, qconfigDict), calibration);
    const before = prepared.print();
    await sensitivity(prepared, calibration.slice(0, 1));
    expect(prepared.print()).toBe(before);
    expect(convert(prepared).print()).toContain('quantized::conv');
  });
});
