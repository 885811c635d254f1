import { type Module, nn, OctavoError } from '@octavo/core';
import type { ModuleClass } from '../convert/module-class.js';
import type { AttentionConfig } from '../dynamic/multihead-attention.js';
import { FusedBatchNorm, FusedConv, type FusedKind, FusedLinear } from '../fuse/fused.js';
import { QuantizableLSTM, type QuantizableLSTMConfig } from '../quantizable/lstm.js';
import { QuantizableMultiheadAttention } from '../quantizable/multihead-attention.js';
import { OnCodes } from '../static/on-codes.js';
import { QuantizedConv, type QuantizedConvConfig } from '../static/quantized-conv.js';
import { QuantizedLinear, type QuantizedLinearConfig } from '../static/quantized-linear.js';
import { FloatFunctional, QFunctional } from '../stubs/float-functional.js';
import { DeQuantize, DeQuantStub, Quantize, QuantStub } from '../stubs/quant-stub.js';
import { QuantWrapper } from '../stubs/quant-wrapper.js';
import type { Json, recipeByName, recipeOf, registerModule } from './module-registry.js';

/** The float class that an `OnCodes` is a form of, and what that class is made with. */
type OnCodesConfig = { readonly type: string; readonly config: Json; readonly relu: boolean };

const nothing = (): null => null;
/** Scale and zero point until the file's are put in. */
const UNSET = { scale: 1, zeroPoint: 0 };

/** @internal Stubs, fused modules, and what static quantization makes of modules. */
export function registerStaticModules(
  register: typeof registerModule,
  registered: { recipeOf: typeof recipeOf; recipeByName: typeof recipeByName },
): void {
  register(QuantStub, { config: nothing, build: () => new QuantStub() });
  register(DeQuantStub, { config: nothing, build: () => new DeQuantStub() });
  register(FloatFunctional, { config: nothing, build: () => new FloatFunctional() });
  register(Quantize, { config: nothing, build: () => new Quantize(UNSET) });
  register(DeQuantize, { config: nothing, build: () => new DeQuantize() });
  register(QFunctional, { config: nothing, build: () => new QFunctional(UNSET) });
  register(QuantWrapper, { config: nothing, build: emptyWrapper });
  for (const Fused of [FusedConv, FusedLinear, FusedBatchNorm]) {
    register<FusedConv, FusedKind & Json>(Fused as ModuleClass<FusedConv>, {
      config: ({ kind }) => ({ ...kind }),
      // Its children come from the file one by one, as a Sequential's do.
      build: (kind) => new Fused(kind, [] as unknown as [never]) as FusedConv,
    });
  }
  register<QuantizedConv, QuantizedConvConfig & Json>(QuantizedConv, {
    config: ({ config }) => ({ ...config }),
    build: (config) => QuantizedConv.fromConfig(config),
  });
  register<QuantizedLinear, QuantizedLinearConfig & Json>(QuantizedLinear, {
    config: ({ config }) => ({ ...config }),
    build: (config) => QuantizedLinear.fromConfig(config),
  });
  register<QuantizableMultiheadAttention, AttentionConfig & Json>(QuantizableMultiheadAttention, {
    config: ({ config }) => ({ ...config }),
    build: (config) => QuantizableMultiheadAttention.fromConfig(config),
  });
  register<QuantizableLSTM, QuantizableLSTMConfig & Json>(QuantizableLSTM, {
    config: ({ config }) => ({ ...config }),
    build: (config) => QuantizableLSTM.fromConfig(config),
  });
  register<OnCodes, OnCodesConfig>(OnCodes, {
    config: ({ float, relu }) => {
      const { name, recipe } = registered.recipeOf(float) ?? unknown(float.typeName);
      return { type: name, config: recipe.config(float), relu };
    },
    build: ({ type, config, relu }) => {
      const { recipe } = registered.recipeByName(type) ?? unknown(type);
      return new OnCodes(recipe.build(config) as Module, { output: UNSET, relu });
    },
  });
}

/** A wrapper whose children come from the file one by one. */
function emptyWrapper(): QuantWrapper {
  const wrapper = new QuantWrapper(new nn.Identity());
  for (const [name] of wrapper.namedChildren()) delete (wrapper as unknown as Record<string, unknown>)[name];
  return wrapper;
}

function unknown(type: string): never {
  throw new OctavoError(
    'UNSUPPORTED',
    `[OnCodes] files know no class '${type}'; registerModule(${type}, ...) teaches them`,
  );
}
