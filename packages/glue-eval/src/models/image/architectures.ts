import { didYouMean, type nn, OctavoError } from '@octavo/core';
import type { Preprocess } from '../../image/preprocess.js';
import { efficientNetLitePreprocess, TORCHVISION_PREPROCESS } from '../../image/presets.js';
import type { Json } from '../config-values.js';
import { EfficientNetLite } from './efficientnet-lite.js';
import { readEfficientNetLiteConfig } from './efficientnet-lite-config.js';
import { EFFICIENTNET_LITE0_SIZE, efficientNetLite0 } from './efficientnet-lite0.js';
import { MobileNetV2 } from './mobilenet-v2.js';
import { ResNet, type ResNetConfig } from './resnet.js';

/** An image classifier that can be built. */
export interface ImageArchitecture {
  readonly name: string;
  readonly classes: number;
  readonly preprocess: Preprocess;
  /** The model, its weights still to be loaded. */
  build(): nn.Module;
}

/** Architectures that a folder's config.json describes, by its `model_type`. To add one: a row here. */
const BY_MODEL_TYPE: Readonly<Record<string, (json: Json, file: string) => ImageArchitecture>> = {
  'efficientnet-lite': (json, file) => {
    const { config, preprocess } = readEfficientNetLiteConfig(json, file);
    const name = typeof json.architecture === 'string' ? json.architecture : 'efficientnet-lite';
    return { name, classes: config.classes, preprocess, build: () => new EfficientNetLite(config) };
  },
};

/** A model that `--model` takes by name. */
interface NamedModel {
  /** The last linear, whose rows are the classes. */
  readonly classifier: string;
  readonly preprocess: Preprocess;
  build(classes: number): nn.Module;
}

function resnet(block: ResNetConfig['block'], layers: readonly number[]): NamedModel {
  return {
    classifier: 'fc',
    preprocess: TORCHVISION_PREPROCESS,
    build: (classes) => new ResNet({ block, layers, classes }),
  };
}

/** To add one: its modules in a file beside this one, and a row here. */
const BY_NAME: Readonly<Record<string, NamedModel>> = {
  resnet18: resnet('basic', [2, 2, 2, 2]),
  resnet34: resnet('basic', [3, 4, 6, 3]),
  resnet50: resnet('bottleneck', [3, 4, 6, 3]),
  mobilenet_v2: {
    classifier: 'classifier.1',
    preprocess: TORCHVISION_PREPROCESS,
    build: (classes) => new MobileNetV2({ classes }),
  },
  efficientnet_lite0: {
    classifier: 'classifier',
    preprocess: efficientNetLitePreprocess(EFFICIENTNET_LITE0_SIZE),
    build: (classes) => new EfficientNetLite(efficientNetLite0(classes)),
  },
};

/** Models that need no folder. */
export const IMAGE_MODEL_NAMES: readonly string[] = Object.keys(BY_NAME);

/** ImageNet's. */
const DEFAULT_CLASSES = 1000;

/** The model of that name, with as many classes as `weights` has, 1000 without; or null where there is none. */
export function namedArchitecture(name: string, weights: nn.StateDict | null): ImageArchitecture | null {
  const row = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  if (row === undefined) return null;
  const classes = weights?.[`${row.classifier}.weight`]?.dims[0] ?? DEFAULT_CLASSES;
  return { name, classes, preprocess: row.preprocess, build: () => row.build(classes) };
}

/** True for a config.json of an image classifier that can be built. */
export function isImageConfig(json: Json): boolean {
  return Object.hasOwn(BY_MODEL_TYPE, String(json.model_type));
}

/** What a config.json describes, or one sentence that says what is supported. */
export function describedArchitecture(json: Json, file: string): ImageArchitecture {
  const type = String(json.model_type);
  const read = Object.hasOwn(BY_MODEL_TYPE, type) ? BY_MODEL_TYPE[type] : undefined;
  if (read !== undefined) return read(json, file);
  const known = Object.keys(BY_MODEL_TYPE);
  throw new OctavoError(
    'UNSUPPORTED',
    `${file}: model_type '${type}' is no image classifier that is supported${didYouMean(type, known) || ';'} ` +
      `supported: ${known.join(', ')}, and by name ${IMAGE_MODEL_NAMES.join(', ')}`,
    { details: { modelType: type } },
  );
}
