// Dynamic quantization of an LSTM, after PyTorch's recipe of that name: an LSTM of a few weights, and one of a size
// where weights are what counts. Run it on the built packages: `node examples/lstm/lstm.mjs`, or for weights of half the
// size instead of a quarter `node examples/lstm/lstm.mjs float16`.
import { activeBackend, manualSeed, nn, Tensor } from '@octavo/core';
import { modelSize, print, quantizeDynamic } from '@octavo/eager';

const SEED = 29592;
const DTYPES = ['qint8', 'float16'];

/** What the recipe quantizes: an LSTM that is called with its hidden state. */
class LSTMForDemonstration extends nn.Module {
  constructor(inputSize, hiddenSize, depth) {
    super();
    this.lstm = new nn.LSTM(inputSize, hiddenSize, { numLayers: depth });
  }

  forward(inputs, hidden) {
    return this.lstm.call(inputs, hidden);
  }
}

function randn(generator, dims) {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, () => generator.normal()),
    dims,
  );
}

function meanAbsolute(values) {
  return values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
}

/** The median time of a call in milliseconds, after a warm-up. */
function latency(call, times = 51) {
  for (let i = 0; i < 5; i++) call();
  const spent = Array.from({ length: times }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  });
  return spent.sort((a, b) => a - b)[times >> 1];
}

function demonstrate(dtype, { inputSize, hiddenSize, sequence, batch, depth = 1 }) {
  const generator = manualSeed(SEED);
  const float = new LSTMForDemonstration(inputSize, hiddenSize, depth);
  const inputs = randn(generator, [sequence, batch, inputSize]);
  const hidden = [randn(generator, [depth, batch, hiddenSize]), randn(generator, [depth, batch, hiddenSize])];

  const quantized = quantizeDynamic(float, [nn.LSTM, nn.Linear], { dtype });
  const name = dtype === 'qint8' ? 'int8' : dtype;
  console.log(`input ${inputSize}, hidden ${hiddenSize}, sequence ${sequence}, batch ${batch}\n`);
  console.log(`The float32 module:\n${print(float)}\n\nThe ${name} module:\n${print(quantized)}\n`);

  const [floatBytes, bytes] = [float, quantized].map(modelSize);
  console.log(`float32  ${(floatBytes / 1000).toFixed(1).padStart(8)} KB`);
  console.log(`${name.padEnd(7)}  ${(bytes / 1000).toFixed(1).padStart(8)} KB`);
  console.log(`${(floatBytes / bytes).toFixed(2)} times smaller\n`);

  console.log(`float32  ${latency(() => float.call(inputs, hidden)).toFixed(3)} ms a call`);
  console.log(`${name.padEnd(7)}  ${latency(() => quantized.call(inputs, hidden)).toFixed(3)} ms a call\n`);

  const [expected, got] = [float, quantized].map((model) => model.call(inputs, hidden)[0].data);
  const magnitude = meanAbsolute(expected);
  const percent = (value) => `${((100 * value) / magnitude).toFixed(2)} percent`;
  const [own, difference] = [meanAbsolute(got), meanAbsolute(expected.map((y, i) => y - got[i]))];
  console.log(`mean absolute value of the float32 outputs  ${magnitude.toFixed(5)}`);
  console.log(
    `${`mean absolute value of the ${name} outputs`.padEnd(42)}  ${own.toFixed(5)}, or ${percent(own)} of float32`,
  );
  console.log(`mean absolute value of the difference       ${difference.toFixed(5)}, or ${percent(difference)}\n`);
}

const [dtype = 'qint8'] = process.argv.slice(2);
if (!DTYPES.includes(dtype)) {
  console.error(`lstm: the dtype of weights is ${DTYPES.join(' or ')}, got '${dtype}'`);
  process.exit(1);
}
const { name, isa, threads } = activeBackend();
console.log(`backend ${name} (${isa}), ${threads} threads, seed ${SEED}\n`);
demonstrate(dtype, { inputSize: 8, hiddenSize: 20, sequence: 1, batch: 1 });
demonstrate(dtype, { inputSize: 512, hiddenSize: 512, sequence: 1, batch: 1 });
