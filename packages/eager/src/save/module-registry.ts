import { type Module, nn, OctavoError } from '@octavo/core';
import { isExactly, type ModuleClass } from '../convert/module-class.js';
import { DynamicQuantizedLinear, type DynamicQuantizedLinearConfig } from '../dynamic/linear.js';
import { type AttentionConfig, DynamicQuantizedMultiheadAttention } from '../dynamic/multihead-attention.js';
import { DynamicQuantizedGRU, DynamicQuantizedLSTM, type DynamicQuantizedRNNConfig } from '../dynamic/rnn.js';
import {
  type DynamicQuantizedCellConfig,
  DynamicQuantizedGRUCell,
  DynamicQuantizedLSTMCell,
  DynamicQuantizedRNNCell,
  type DynamicQuantizedRNNCellConfig,
} from '../dynamic/rnn-cells.js';
import { registerEmbeddings } from './embedding-recipes.js';
import { registerFloatModules } from './float-recipes.js';
import { registerFloat16 } from './float16-recipes.js';
import { registerSpatialModules } from './spatial-recipes.js';
import { registerStaticModules } from './static-recipes.js';

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** How a module is made again from a file: what its constructor was given, and the constructor. */
export interface ModuleRecipe<M extends Module = Module, C extends Json = Json> {
  config(module: M): C;
  /** A module as the constructor makes it. Weights may be anything: the file's are put in afterwards. */
  build(config: C): M;
}

interface Registered {
  readonly name: string;
  readonly moduleClass: ModuleClass;
  readonly recipe: ModuleRecipe;
}

const registry = new Map<string, Registered>();

/**
 * Teaches `loadQuantized` to build a class of yours, so that its models load without a float model. Registering the
 * model's own class is enough: what its constructor makes, and the file has quantized, is swapped.
 *
 * `registerModule(MyModel, { config: (m) => m.config, build: (config) => new MyModel(config) })`
 */
export function registerModule<M extends Module, C extends Json>(
  moduleClass: ModuleClass<M>,
  recipe: ModuleRecipe<M, C>,
  { name = moduleClass.name }: { name?: string } = {},
): void {
  const other = registry.get(name);
  if (other !== undefined && other.moduleClass !== moduleClass) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[registerModule] '${name}' is the name of another class already; give this one its own: registerModule(C, recipe, { name })`,
    );
  }
  registry.set(name, { name, moduleClass, recipe: recipe as unknown as ModuleRecipe });
}

/** The name a module has in files: that of its registration, or of its class. */
export function fileTypeOf(module: Module): string {
  return recipeOf(module)?.name ?? module.typeName;
}

/** The registration of a module's exact class. */
export function recipeOf(module: Module): Registered | undefined {
  for (const registered of registry.values()) if (isExactly(module, registered.moduleClass)) return registered;
  return undefined;
}

/** The registration of a name in a file. */
export function recipeByName(name: string): Registered | undefined {
  return registry.get(name);
}

/** Names of all classes that can be built, for messages. */
export function registeredNames(): string[] {
  return [...registry.keys()];
}

const nothing: ModuleRecipe<Module, null>['config'] = () => null;

registerModule(nn.Linear, {
  config: ({ inFeatures, outFeatures, bias }) => ({ inFeatures, outFeatures, bias: bias !== null }),
  build: ({ inFeatures, outFeatures, bias }) => new nn.Linear(inFeatures, outFeatures, { bias }),
});
registerModule(nn.Embedding, {
  config: ({ numEmbeddings, embeddingDim }) => ({ numEmbeddings, embeddingDim }),
  build: ({ numEmbeddings, embeddingDim }) => new nn.Embedding(numEmbeddings, embeddingDim),
});
registerModule(nn.LayerNorm, {
  config: ({ normalizedShape, eps, weight }) => ({ normalizedShape, eps, elementwiseAffine: weight !== null }),
  build: ({ normalizedShape, ...options }) => new nn.LayerNorm(normalizedShape, options),
});
registerModule(nn.Dropout, { config: ({ p }) => ({ p }), build: ({ p }) => new nn.Dropout(p) });
registerModule(nn.Softmax, { config: ({ dim }) => ({ dim }), build: ({ dim }) => new nn.Softmax(dim) });
registerModule(nn.GELU, { config: nothing, build: () => new nn.GELU() });
registerModule(nn.ReLU, { config: nothing, build: () => new nn.ReLU() });
registerModule(nn.Tanh, { config: nothing, build: () => new nn.Tanh() });
registerModule(nn.Sigmoid, { config: nothing, build: () => new nn.Sigmoid() });
// Containers are made empty: their children come from the file one by one.
registerModule(nn.Sequential, { config: nothing, build: () => new nn.Sequential() });
registerModule(nn.ModuleList, { config: nothing, build: () => new nn.ModuleList() });
registerModule<DynamicQuantizedLinear, DynamicQuantizedLinearConfig & Json>(DynamicQuantizedLinear, {
  config: ({ config }) => ({ ...config }),
  build: (config) => DynamicQuantizedLinear.fromConfig(config),
});

registerModule(nn.LSTM, {
  config: ({ inputSize, hiddenSize, options }) => ({ inputSize, hiddenSize, ...options }),
  build: ({ inputSize, hiddenSize, ...options }) => new nn.LSTM(inputSize, hiddenSize, options),
});
registerModule(nn.GRU, {
  config: ({ inputSize, hiddenSize, options }) => ({ inputSize, hiddenSize, ...options }),
  build: ({ inputSize, hiddenSize, ...options }) => new nn.GRU(inputSize, hiddenSize, options),
});
registerModule(nn.LSTMCell, {
  config: ({ inputSize, hiddenSize, bias }) => ({ inputSize, hiddenSize, bias }),
  build: ({ inputSize, hiddenSize, bias }) => new nn.LSTMCell(inputSize, hiddenSize, { bias }),
});
registerModule(nn.GRUCell, {
  config: ({ inputSize, hiddenSize, bias }) => ({ inputSize, hiddenSize, bias }),
  build: ({ inputSize, hiddenSize, bias }) => new nn.GRUCell(inputSize, hiddenSize, { bias }),
});
registerModule(nn.RNNCell, {
  config: ({ inputSize, hiddenSize, bias, nonlinearity }) => ({ inputSize, hiddenSize, bias, nonlinearity }),
  build: ({ inputSize, hiddenSize, ...options }) => new nn.RNNCell(inputSize, hiddenSize, options),
});
registerModule<DynamicQuantizedMultiheadAttention, AttentionConfig & Json>(DynamicQuantizedMultiheadAttention, {
  config: ({ config }) => ({ ...config }),
  build: (config) => DynamicQuantizedMultiheadAttention.fromConfig(config),
});
registerModule<DynamicQuantizedLSTM, DynamicQuantizedRNNConfig & Json>(DynamicQuantizedLSTM, {
  config: ({ config }) => ({ ...config }),
  build: (config) => DynamicQuantizedLSTM.fromConfig(config),
});
registerModule<DynamicQuantizedGRU, DynamicQuantizedRNNConfig & Json>(DynamicQuantizedGRU, {
  config: ({ config }) => ({ ...config }),
  build: (config) => DynamicQuantizedGRU.fromConfig(config),
});
registerModule<DynamicQuantizedLSTMCell, DynamicQuantizedCellConfig & Json>(DynamicQuantizedLSTMCell, {
  config: ({ config }) => ({ ...config }),
  build: (config) => DynamicQuantizedLSTMCell.fromConfig(config),
});
registerModule<DynamicQuantizedGRUCell, DynamicQuantizedCellConfig & Json>(DynamicQuantizedGRUCell, {
  config: ({ config }) => ({ ...config }),
  build: (config) => DynamicQuantizedGRUCell.fromConfig(config),
});
registerModule<DynamicQuantizedRNNCell, DynamicQuantizedRNNCellConfig & Json>(DynamicQuantizedRNNCell, {
  config: ({ config }) => ({ ...config }),
  build: (config) => DynamicQuantizedRNNCell.fromConfig(config),
});

// Recipes by subject. They are called from here, as a bundler may drop a file that is imported for its effects alone.
registerFloatModules(registerModule);
registerFloat16(registerModule);
registerEmbeddings(registerModule);
registerSpatialModules(registerModule);
registerStaticModules(registerModule, { recipeOf, recipeByName });
