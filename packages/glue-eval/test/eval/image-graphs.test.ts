import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Generator, Tensor } from '@octavo/core';
import { convert, type Graph, prepare, trace } from '@octavo/graph';
import { getDefaultQConfig, staticImageQConfig } from '@octavo/observers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODES, type Mode, type ModeContext } from '../../src/eval/modes.js';
import { openImageModel } from '../../src/models/image/open-image-model.js';
import { loadNativeBackend } from '../../src/native-backend.js';
import { writeTinyImageModel } from '../models/image/tiny-image-model.js';
import { SHARED } from '../models/mrpc-small.js';

await loadNativeBackend();

const EFFICIENTNET = join(SHARED, 'models/efficientnet-lite0');

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'octavo-image-graphs-'));
  await writeTinyImageModel(join(dir, 'tiny'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function images(seed: number, size: number): Tensor {
  const random = new Generator(seed);
  const dims = [2, 3, size, size];
  return new Tensor(
    'float32',
    Float32Array.from({ length: 6 * size * size }, () => random.normal()),
    dims,
  );
}

/** How many nodes of each op there are, parameters left out. */
function opCounts(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of graph.nodes()) if (op !== 'prim::GetAttr') counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

/** The logits of a model in the given modes, calibrated and run on the same images. */
async function logitsOf(
  model: string,
  size: number,
  modes: readonly ('float' | 'eager' | 'graph')[],
  qconfig = getDefaultQConfig('fbgemm'),
) {
  const { build } = await openImageModel(model);
  const context = (): ModeContext => ({
    qconfig,
    exampleInputs: { images: Tensor.zeros([1, 3, 32, 32]) },
    calibration: (async function* () {
      yield [images(1, size)];
      yield [images(2, size)];
    })(),
  });
  const logits: Tensor[] = [];
  for (const mode of modes) {
    const runner = await (MODES.static[mode] as Mode).open(build(), context());
    logits.push(await runner.run([images(3, size)]));
    runner.dispose();
  }
  return logits.map(({ data }) => data);
}

describe('image models as graphs', () => {
  it('compute in float what the modules do, bit for bit', async () => {
    const { build } = await openImageModel(join(dir, 'tiny'));
    const [float] = await logitsOf(join(dir, 'tiny'), 24, ['float']);
    expect(float).toEqual((build().call(images(3, 24)) as Tensor).data);
  });

  it.each([
    ['a small net', () => join(dir, 'tiny'), 24, getDefaultQConfig('fbgemm')],
    ['a small net by staticImage', () => join(dir, 'tiny'), 24, staticImageQConfig],
    ['resnet18', () => 'resnet18', 64, getDefaultQConfig('fbgemm')],
  ])('%s has the same int8 bits as in eager mode', async (_name, model, size, qconfig) => {
    const [eager, graph] = await logitsOf(model(), size, ['eager', 'graph'], qconfig);
    expect(graph).toEqual(eager);
  });

  it.skipIf(!existsSync(EFFICIENTNET))(
    'EfficientNet-Lite0 has the same int8 bits as in eager mode (needs ../shared)',
    async () => {
      const [eager, graph] = await logitsOf(EFFICIENTNET, 64, ['eager', 'graph']);
      expect(graph).toEqual(eager);
    },
  );
});

describe('an int8 graph of images', () => {
  it.each([
    ['a small residual net', () => join(dir, 'tiny'), { 'quantized::conv': 7, 'quantized::add': 1 }],
    ['resnet18', () => 'resnet18', { 'quantized::conv': 20, 'quantized::max_pool2d': 1, 'quantized::add': 8 }],
  ])('of %s has no batch norm, one quantize at the entrance and one dequantize at the exit', async (_, model, own) => {
    const { build } = await openImageModel(model());
    const x = images(1, 64);
    const prepared = prepare(trace(build(), { images: x }), { '': getDefaultQConfig('fbgemm') });
    expect(opCounts(prepared)).not.toHaveProperty(['aten::batch_norm']);
    for (const { observer } of prepared.observers.values()) observer?.observe(x);
    const int8 = convert(prepared);
    expect(int8.fixedBy).toBeNull();
    expect(opCounts(int8)).toEqual({
      ...own,
      'aten::quantize_per_tensor': 1,
      'quantized::adaptive_avg_pool2d': 1,
      'aten::reshape': 1,
      'quantized::linear': 1,
      'aten::dequantize': 1,
    });
  });
});
