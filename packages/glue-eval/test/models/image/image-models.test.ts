import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nn, type StateDict, Tensor } from '@octavo/core';
import { writeSafetensors } from '@octavo/core/node';
import { describe, expect, it } from 'vitest';
import { namedArchitecture } from '../../../src/models/image/architectures.js';
import { openImageModel } from '../../../src/models/image/open-image-model.js';
import { loadNativeBackend } from '../../../src/native-backend.js';
import { temporaryFolder } from '../../data/temporary-folder.js';
import { SHARED } from '../mrpc-small.js';
import { TINY_IMAGE_CONFIG, tinyImageState, writeTinyImageModel } from './tiny-image-model.js';

await loadNativeBackend();

async function fault(model: string, weights: string | null = null): Promise<unknown> {
  return openImageModel(model, weights).then(
    () => null,
    (error: unknown) => error,
  );
}

function stateOf(name: string, weights: StateDict | null = null): StateDict {
  const build = namedArchitecture(name, weights)?.build as () => nn.Module;
  return nn.skipInit(build).stateDict();
}

function digestOf(model: nn.Module): string {
  const hash = createHash('sha256');
  for (const { data } of Object.values(model.stateDict())) hash.update(new Uint8Array((data as Float32Array).buffer));
  return hash.digest('hex');
}

function dims(state: StateDict, name: string): readonly number[] | undefined {
  return state[name]?.dims;
}

describe('models by name', () => {
  // Parameters as torchvision's documentation counts them, and the paper of EfficientNet-Lite (4.7 million).
  it.each([
    ['resnet18', 11_689_512],
    ['resnet34', 21_797_672],
    ['resnet50', 25_557_032],
    ['mobilenet_v2', 3_504_872],
    ['efficientnet_lite0', 4_652_008],
  ])('%s has %i parameters, as published', (name, count) => {
    const parameters = Object.entries(stateOf(name)).filter(([path]) => !path.includes('running_'));
    expect(parameters.reduce((sum, [, { size }]) => sum + size, 0)).toBe(count);
  });

  it("have torchvision's names and shapes", () => {
    const basic = stateOf('resnet18');
    expect(dims(basic, 'conv1.weight')).toEqual([64, 3, 7, 7]);
    expect(dims(basic, 'layer2.0.downsample.0.weight')).toEqual([128, 64, 1, 1]);
    expect(dims(basic, 'layer2.0.downsample.1.running_var')).toEqual([128]);
    expect(dims(basic, 'layer1.0.downsample.0.weight')).toBeUndefined();
    expect(dims(basic, 'fc.weight')).toEqual([1000, 512]);
    const bottleneck = stateOf('resnet50');
    expect(dims(bottleneck, 'layer1.0.downsample.0.weight')).toEqual([256, 64, 1, 1]);
    expect(dims(bottleneck, 'layer4.2.conv3.weight')).toEqual([2048, 512, 1, 1]);
    const mobile = stateOf('mobilenet_v2');
    expect(dims(mobile, 'features.1.conv.0.0.weight')).toEqual([32, 1, 3, 3]);
    expect(dims(mobile, 'features.1.conv.1.weight')).toEqual([16, 32, 1, 1]);
    expect(dims(mobile, 'features.17.conv.3.running_mean')).toEqual([320]);
    expect(dims(mobile, 'features.18.0.weight')).toEqual([1280, 320, 1, 1]);
    expect(dims(mobile, 'classifier.1.bias')).toEqual([1000]);
  });

  it('give finite logits that differ between images, with the same random weights each time', async () => {
    for (const name of ['resnet18', 'mobilenet_v2']) {
      const [one, two] = [await openImageModel(name), await openImageModel(name)];
      expect(one.note).toContain(`${name} has random weights (seed 0)`);
      const pixels = Float32Array.from({ length: 2 * 3 * 16 * 16 }, (_, i) => Math.sin(i * i));
      const images = new Tensor('float32', pixels, [2, 3, 16, 16]);
      const logits = one.build().call(images) as Tensor<'float32'>;
      expect(logits.dims).toEqual([2, 1000]);
      expect(logits.data.every(Number.isFinite)).toBe(true);
      expect(logits.data.slice(0, 1000)).not.toEqual(logits.data.slice(1000));
      expect(digestOf(two.build())).toBe(digestOf(one.build()));
    }
  });

  it('take weights from a file, and the number of classes with them', async () => {
    const file = join(await temporaryFolder(), 'ten.safetensors');
    const state = stateOf('resnet18');
    const ten = { 'fc.weight': Tensor.zeros([10, 512]), 'fc.bias': Tensor.from(Array(10).fill(3)) };
    // What torch.save puts into a state dict, and no model needs.
    const extra = { 'bn1.num_batches_tracked': Tensor.zeros([], 'int64') };
    await writeSafetensors(file, { ...state, ...ten, ...extra });
    const model = await openImageModel('resnet18', file);
    expect(model.classes).toBe(10);
    expect(model.note).toBeUndefined();
    expect(model.build().stateDict()['fc.bias']?.data[9]).toBe(3);
  });

  it('refuse weights of another model, naming the file', async () => {
    const file = join(await temporaryFolder(), 'other.safetensors');
    await writeSafetensors(file, stateOf('resnet34'));
    expect(await fault('resnet18', file)).toMatchObject({
      code: 'STATE_DICT_MISMATCH',
      message: expect.stringMatching(/other\.safetensors: .*unexpected: layer1\.2\./),
    });
  });

  it('refuse a name that is not known', async () => {
    expect(await fault('resnet81')).toMatchObject({
      code: 'UNKNOWN_NAME',
      message: expect.stringMatching(
        /no model of that name; did you mean 'resnet18'\? known: resnet18, .*mobilenet_v2/,
      ),
    });
    expect(await fault('models/none')).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe('a folder with an EfficientNet-Lite', () => {
  it('opens with its preprocessing, and gives one row of logits an image', async () => {
    const dir = await temporaryFolder();
    await writeTinyImageModel(dir);
    const { name, classes, preprocess, build } = await openImageModel(dir);
    expect({ name, classes }).toEqual({ name: 'tiny-lite', classes: 3 });
    expect(preprocess).toMatchObject({ size: 16, mean: [127, 127, 127], std: [64, 64, 64], divisor: 1 });
    const logits = build().call(Tensor.zeros([2, 3, 16, 16])) as Tensor;
    expect(logits.dims).toEqual([2, 3]);
  });

  it('takes weights from another file', async () => {
    const dir = await temporaryFolder();
    await writeTinyImageModel(dir);
    const file = join(dir, 'other.safetensors');
    await writeSafetensors(file, { ...tinyImageState(), 'classifier.bias': Tensor.from([1, 2, 3]) });
    const { build } = await openImageModel(dir, file);
    expect([...(build().stateDict()['classifier.bias'] as Tensor<'float32'>).data]).toEqual([1, 2, 3]);
  });

  const { preprocessing, head } = TINY_IMAGE_CONFIG;
  it.each([
    [{ model_type: 'resnet' }, 'UNSUPPORTED', /model_type 'resnet' is no image classifier.*efficientnet-lite/],
    [{ squeeze_excite: true }, 'UNSUPPORTED', /squeeze_excite 'true' is not supported/],
    [{ num_labels: 0 }, 'INVALID_FILE', /num_labels must be a positive integer, got 0/],
    [{ blocks: [] }, 'INVALID_FILE', /blocks must be a list of at least one block/],
    [{ blocks: [{}] }, 'INVALID_FILE', /blocks\.0: in_channels must be a positive integer, got undefined/],
    [{ head: { ...head, padding: [0] } }, 'INVALID_FILE', /head: padding must be a list of 4 numbers/],
    [{ head: { ...head, in_channels: 5 } }, 'INVALID_FILE', /head: in_channels must be 6, what the layer before gives/],
    [{ preprocessing: { ...preprocessing, interpolation: 'lanczos' } }, 'UNSUPPORTED', /interpolation 'lanczos'/],
    [{ preprocessing: { ...preprocessing, std: [1, 0, 1] } }, 'INVALID_FILE', /std must be a list of 3 numbers/],
  ])('refuses %j', async (change, code, message) => {
    const dir = await temporaryFolder();
    await writeTinyImageModel(dir);
    await writeFile(join(dir, 'config.json'), JSON.stringify({ ...TINY_IMAGE_CONFIG, ...change }));
    expect(await fault(dir)).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

const LITE0 = join(SHARED, 'models/efficientnet-lite0');

describe.skipIf(!existsSync(LITE0))('EfficientNet-Lite0 (needs ../shared)', () => {
  it('takes all 247 tensors of its file', async () => {
    const { classes, preprocess, build } = await openImageModel(LITE0);
    expect(Object.keys(build().stateDict())).toHaveLength(247);
    expect(classes).toBe(1000);
    expect(preprocess.size).toBe(224);
  });
});
