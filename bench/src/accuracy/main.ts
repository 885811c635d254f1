// npm run accuracy -- MODEL DATA [--only PATTERN]: what each way to quantize costs on MRPC's dev split.
import { Tensor } from '@octavo/core';
import { accuracyF1, loadPairs, openPretrained, PairTokenizer } from '@octavo/glue-eval';
import { type Feeds, type Graph, trace } from '@octavo/graph';
import { VARIANTS } from './variants.js';

const [model, data, ...rest] = process.argv.slice(2);
if (model === undefined || data === undefined) {
  console.error('usage: npm run accuracy -- MODEL_FOLDER MRPC_FOLDER [--only PATTERN]');
  process.exit(2);
}
const only = new RegExp(rest[0] === '--only' ? (rest[1] as string) : '');

/** Sentences of the training split to calibrate with, one a batch: no padding comes in their way. */
const CALIBRATION = 64;
const BATCH = 8;

await import('@octavo/kernels-native');
const { build } = await openPretrained(model);
const tokenizer = await PairTokenizer.fromFolder(model);
const dev = await loadPairs(data, 'dev');
const calibration = encode((await loadPairs(data, 'train')).slice(0, CALIBRATION), 1);
const batches = encode(dev, BATCH);
const float = trace(build(), calibration[0] as Record<string, Tensor>);

function encode(pairs: Awaited<ReturnType<typeof loadPairs>>, size: number): Record<string, Tensor>[] {
  return Array.from({ length: Math.ceil(pairs.length / size) }, (_, i) => {
    const some = pairs.slice(i * size, (i + 1) * size).map(({ first, second }) => [first, second] as const);
    const { inputIds, attentionMask, tokenTypeIds, batch, length } = tokenizer.encodeBatch(some, 128);
    const tensor = (ids: BigInt64Array): Tensor => new Tensor('int64', ids, [batch, length]);
    return {
      input_ids: tensor(inputIds),
      attention_mask: tensor(attentionMask),
      token_type_ids: tensor(tokenTypeIds),
    };
  });
}

async function logitsOf(graph: Graph): Promise<number[]> {
  const logits: number[] = [];
  for (const feeds of batches) {
    const { output } = await graph.runAsync(feeds as Feeds);
    logits.push(...(output as Tensor<'float32'>).data);
  }
  return logits;
}

const argmax = (logits: readonly number[]): number[] =>
  Array.from({ length: logits.length / 2 }, (_, i) =>
    Number((logits[2 * i + 1] as number) > (logits[2 * i] as number)),
  );

const reference = await logitsOf(float);
const labels = dev.map(({ label }) => label);
const scoreOf = (logits: readonly number[]) => accuracyF1(argmax(logits), labels);
console.log('| variant | accuracy | F1 | labels changed | mean and largest change of a logit | s to make |');
console.log('| --- | --- | --- | --- | --- | --- |');
const base = scoreOf(reference);
console.log(`| float | ${base.accuracy.toFixed(4)} | ${base.f1.toFixed(4)} | | | |`);
for (const [name, make] of Object.entries(VARIANTS)) {
  if (!only.test(name)) continue;
  const start = performance.now();
  using graph = await make(float, calibration);
  const seconds = (performance.now() - start) / 1000;
  const logits = await logitsOf(graph);
  const { accuracy, f1 } = scoreOf(logits);
  const changed = argmax(logits).filter((label, i) => label !== argmax(reference)[i]).length;
  const changes = logits.map((logit, i) => Math.abs(logit - (reference[i] as number)));
  const mean = changes.reduce((sum, x) => sum + x, 0) / changes.length;
  const cells = [accuracy.toFixed(4), f1.toFixed(4), changed, `${mean.toFixed(3)}, ${Math.max(...changes).toFixed(2)}`];
  console.log(`| ${name} | ${cells.join(' | ')} | ${seconds.toFixed(0)} |`);
}
