import { Q, quantizeWithFloatZeroPoint, Tensor } from '@octavo/core';
import { defaultFloatQParamsObserver } from '@octavo/observers';
import type { GoldenCase } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { tensorOf } from './qparams.js';

type Bits = NonNullable<Q.TableOptions['bits']>;

const prepack =
  (bits: Bits): GoldenOperator =>
  (golden) => ({ packed: Q.embeddingPrepack(tensorOf(golden, 'weight'), { bits }) });

const unpack =
  (bits: Bits): GoldenOperator =>
  (golden) => ({ weight: Q.embeddingUnpack(tensorOf(golden, 'packed'), { bits }) });

const bag =
  (bits: Bits): GoldenOperator =>
  (golden) => {
    const perSampleWeights = 'per_sample_weights' in golden.inputs ? tensorOf(golden, 'per_sample_weights') : null;
    const includeLastOffset = golden.params.include_last_offset === true;
    const [packed, indices, offsets] = ['packed', 'indices', 'offsets'].map((role) => tensorOf(golden, role));
    const options = { bits, perSampleWeights, includeLastOffset };
    return { y: Q.embeddingBag(packed as Tensor, indices as Tensor, offsets as Tensor, options) };
  };

/** What PyTorch's quantized embedding modules do: codes by an observer with float zero points, then a packed table. */
function packedByObserver(golden: GoldenCase, bits: Bits): { packed: Tensor; codes: Tensor } & Record<string, Tensor> {
  const weight = tensorOf(golden, 'weight') as Tensor<'float32'>;
  const observer = defaultFloatQParamsObserver.withArgs({ dtype: bits === 8 ? 'quint8' : 'quint4x2' })();
  observer.observe(weight);
  const { scales, zeroPoints } = observer.calculateQParams();
  const { data, dims } = weight.raw;
  const codes = Uint8Array.from(data, (x, i) => {
    const row = Math.floor(i / (dims[1] as number));
    const inverse = Math.fround(1 / (scales[row] as number));
    return quantizeWithFloatZeroPoint(x, inverse, zeroPoints[row] as number, 0, 2 ** bits - 1);
  });
  const parts = {
    codes: new Tensor('uint8', codes, dims),
    scales: new Tensor('float32', scales),
    zeroPoints: new Tensor('float32', Float32Array.from(zeroPoints)),
  };
  return { ...parts, packed: Q.embeddingPackCodes(parts, { bits }) };
}

const lookup =
  (bits: Bits): GoldenOperator =>
  (golden) => {
    const { packed, codes, scales, zeroPoints } = packedByObserver(golden, bits);
    return {
      y: Q.embedding(packed, tensorOf(golden, 'indices'), { bits }),
      scales: scales as Tensor,
      zero_points: zeroPoints as Tensor,
      [bits === 8 ? 'codes' : 'codes_4bit']: codes,
    };
  };

const moduleBag =
  (bits: Bits): GoldenOperator =>
  (golden) => {
    const { packed } = packedByObserver(golden, bits);
    return { y: Q.embeddingBag(packed, tensorOf(golden, 'indices'), tensorOf(golden, 'offsets'), { bits }) };
  };

/** Row-wise tables in 8, 4 and 2 bits. */
export const embeddingOperators: Readonly<Record<string, GoldenOperator>> = {
  embedding_byte: lookup(8),
  embedding_4bit: lookup(4),
  embedding_bag_byte: moduleBag(8),
  embedding_bag_4bit: moduleBag(4),
  ...Object.fromEntries(
    ([8, 4, 2] as const).flatMap((bits): [string, GoldenOperator][] => {
      const name = `embedding_bag_${bits === 8 ? 'byte' : `${bits}bit`}`;
      return [
        [`${name}_prepack`, prepack(bits)],
        [`${name}_unpack`, unpack(bits)],
        [`${name}_rowwise_offsets`, bag(bits)],
      ];
    }),
  ),
};
