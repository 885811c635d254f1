import {
  type Attrs,
  checkAttrs,
  isOctavoError,
  isPackedParams,
  metaOf,
  OP_LIST,
  type Operand,
  opByName,
  referenceBackend,
  Tensor,
} from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { createNativeBackend, supportedIsas } from '../src/index.js';
import { ARRAY_CASES } from './array-cases.js';
import { CONV_CASES } from './conv-cases.js';
import { EMBEDDING_TABLE_CASES } from './embedding-table-cases.js';
import { FLOAT_CASES } from './float-cases.js';
import { LINEAR_QUANTIZATION_CASES } from './linear-quantization-cases.js';
import { QUANTIZED_CASES } from './quantized-cases.js';
import {
  bitsOf,
  type Cases,
  codes,
  dims,
  dynamicScheme,
  floats,
  generator,
  groupedWeight,
  inChannelsLast,
  integer,
  packedWeights,
  type Random,
} from './random.js';
import { randomOpProgram, withOddAttribute, withoutElements } from './random-op-program.js';
import { RECURRENT_CASES } from './recurrent-cases.js';
import { runKernel } from './run-kernel.js';

/** Operands of attention; some keys are masked for every query, as padding is. */
function attention(r: Random): ReturnType<Cases[string]> {
  const [batch, heads, d, queries, keys] = [
    integer(r, 1, 3),
    integer(r, 1, 3),
    integer(r, 1, 20),
    integer(r, 1, 20),
    integer(r, 1, 40),
  ];
  const width = heads * d;
  const shape = [batch, heads, queries, keys].map((dim) => (r() < 0.5 ? 1 : dim));
  const mask = r() < 0.7 ? floats(r, shape) : null;
  mask?.data.forEach((_, i) => {
    if (r() < 0.2) mask.data[i] = -3.4e38;
  });
  const q = floats(r, [batch, queries, width]);
  return [
    [q, floats(r, [batch, keys, width]), floats(r, [batch, keys, width]), mask],
    { heads, scale: 1 / Math.sqrt(d) },
  ];
}

/** Operands of attention over heads that lie apart, of which several may share keys. */
function headsApart(r: Random): ReturnType<Cases[string]> {
  const [batch, shared, groups, d, e] = [1, 2, 3, 4, 5].map(() => integer(r, 1, 3)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [queries, keys] = [integer(r, 1, 20), integer(r, 1, 40)];
  const shape = [batch, shared * groups, queries, keys].map((dim) => (r() < 0.5 ? 1 : dim));
  const q = floats(r, [batch, shared * groups, queries, 6 * d]);
  const [k, v] = [floats(r, [batch, shared, keys, 6 * d]), floats(r, [batch, shared, keys, 7 * e])];
  return [[q, k, v, r() < 0.7 ? floats(r, shape) : null], { scale: 0.3, groups }];
}

/** Random operands of each op that has a native kernel; tails, odd sizes and special values on purpose. */
const CASES: Cases = {
  ...ARRAY_CASES,
  ...CONV_CASES,
  ...FLOAT_CASES,
  ...QUANTIZED_CASES,
  ...EMBEDDING_TABLE_CASES,
  ...LINEAR_QUANTIZATION_CASES,
  ...RECURRENT_CASES,
  'aten::linear': (r) => {
    const [m, n, k] = [integer(r, 1, 14), integer(r, 1, 70), integer(r, 1, 70)];
    const bias = r() < 0.5 ? floats(r, [n]) : null;
    return [[floats(r, [m, k]), floats(r, [n, k]), bias], { activation: integer(r, 0, 4) }];
  },
  'octavo::linear_weight_only': (r) => {
    const [m, n, k] = [r() < 0.5 ? 1 : integer(r, 1, 14), integer(r, 1, 70), 2 * integer(r, 1, 60)];
    const { operands, attrs } = groupedWeight(r, n, k);
    const bias = r() < 0.5 ? floats(r, [n]) : null;
    return [[floats(r, [m, k], r() < 0.2 ? 0.05 : 0), ...operands, bias], { ...attrs, activation: integer(r, 0, 4) }];
  },
  'octavo::quantize_dynamic': (r) => [[floats(r, dims(r, 1, 3, 40), 0.05)], dynamicScheme(r)],
  'octavo::linear_quantized': (r) => {
    const [m, n, k] = [integer(r, 1, 20), integer(r, 1, 70), integer(r, 1, 150)];
    const ranges = r() < 0.2 ? 1 : m;
    const zeros = Tensor.from(
      Array.from({ length: ranges }, () => integer(r, 0, 255)),
      { dtype: 'int32' },
    );
    return [
      [codes(r, [m, k], 'uint8'), floats(r, [ranges]), zeros, packedWeights(r, n, k)],
      { activation: integer(r, 0, 4) },
    ];
  },
  'quantized::linear_dynamic': (r) => {
    const [m, n, k] = [integer(r, 1, 20), integer(r, 1, 70), integer(r, 1, 150)];
    const attrs = { ...dynamicScheme(r), activation: integer(r, 0, 4) };
    return [[floats(r, [m, k], 0.01), packedWeights(r, n, k)], attrs];
  },
  'aten::layer_norm': (r) => {
    const axes = integer(r, 1, 2);
    const shape = dims(r, 2, 3, 40);
    const inner = shape.slice(-axes);
    const some = (): Tensor | null => (r() < 0.7 ? floats(r, inner) : null);
    return [[floats(r, shape, r() < 0.2 ? 0.02 : 0), some(), some()], { axes, eps: 1e-12 }];
  },
  'aten::rms_norm': (r) => {
    const axes = integer(r, 1, 2);
    // Squares are added up 256 at a time.
    const shape = [...dims(r, 1, 2, 9), integer(r, 1, r() < 0.2 ? 600 : 40)];
    const x = floats(r, shape, r() < 0.2 ? 0.02 : 0);
    return [[x, r() < 0.7 ? floats(r, shape.slice(-axes)) : null], { axes, eps: 1e-6 }];
  },
  'aten::softmax': (r) => {
    const shape = dims(r, 1, 3, 40);
    return [[floats(r, shape, r() < 0.2 ? 0.05 : 0)], { dim: integer(r, -shape.length, shape.length - 1) }];
  },
  'octavo::multi_head_attention': attention,
  'aten::scaled_dot_product_attention': headsApart,
  'octavo::multi_head_attention_int8': attention,
  'aten::matmul': (r) => {
    const [m, k, n, b] = [integer(r, 1, 10), integer(r, 1, 40), integer(r, 1, 40), integer(r, 1, 3)];
    const left = [
      [m, k],
      [b, m, k],
      [1, m, k],
      [2, b, m, k],
    ][integer(r, 0, 3)] as number[];
    const right = [
      [k, n],
      [b, k, n],
      [1, k, n],
      [2, 1, k, n],
    ][integer(r, 0, 3)] as number[];
    return [[floats(r, left), floats(r, right)], {}];
  },
  'aten::embedding': (r) => {
    const rows = integer(r, 1, 20);
    const ids = Tensor.from(
      Array.from({ length: 6 }, () => integer(r, 0, rows - 1)),
      {
        dtype: r() < 0.5 ? 'int64' : 'int32',
        dims: [2, 3],
      },
    );
    return [[floats(r, [rows, integer(r, 1, 20)]), ids], {}];
  },
  'aten::permute': (r) => {
    const shape = dims(r, 1, 4, 9);
    const order = shape.map((_, i) => i).sort(() => r() - 0.5);
    return [[r() < 0.5 ? floats(r, shape) : codes(r, shape, 'uint8')], { dims: order }];
  },
  'aten::select': (r) => {
    const shape = dims(r, 1, 4, 9);
    const dim = integer(r, 0, shape.length - 1);
    return [[floats(r, shape)], { dim, index: integer(r, -(shape[dim] as number), (shape[dim] as number) - 1) }];
  },
  'aten::slice': (r) => {
    const shape = dims(r, 1, 4, 12);
    const attrs = {
      dim: integer(r, 0, shape.length - 1),
      start: integer(r, -14, 14),
      end: integer(r, -14, 14),
      step: integer(r, 1, 3),
    };
    return [[r() < 0.5 ? floats(r, shape) : codes(r, shape, 'int8')], attrs];
  },
  'octavo::arange_like': (r) => [[floats(r, [integer(r, 1, 9), 3])], { dim: integer(r, -2, 1) }],
  'aten::cat': (r) => {
    const shape = dims(r, 2, 4, 6);
    const dim = integer(r, 0, shape.length - 1);
    const part = (): Tensor => floats(r, shape.with(dim, integer(r, 1, 5)));
    return [[part(), part(), part()], { dim }];
  },
  'octavo::to_layout': (r) => {
    const shape = dims(r, 3, 5, 24);
    return [
      [r() < 0.5 ? floats(r, shape.slice(0, 4)) : codes(r, shape.slice(0, 4), 'uint8')],
      { channelsLast: integer(r, 0, 1) },
    ];
  },
  'aten::to': (r) => {
    const from = [floats(r, [50], 0.3), codes(r, [50], 'int8'), codes(r, [50], 'uint8')][integer(r, 0, 2)] as Tensor;
    return [[from], { dtype: integer(r, 0, 6) }];
  },
  'aten::_choose_qparams_per_tensor': (r) => [[floats(r, dims(r, 1, 3, 20), 0.05)], { reduceRange: integer(r, 0, 1) }],
  'octavo::choose_qparams_per_row': (r) => [[floats(r, dims(r, 1, 3, 20), 0.05)], { reduceRange: integer(r, 0, 1) }],
  'aten::quantize_per_tensor': (r) => {
    const [low, high, dtype] = (
      [
        [0, 255, 3],
        [-128, 127, 2],
        [-1000, 1000, 4],
      ] as const
    )[integer(r, 0, 2)] as [number, number, number];
    const zero = Tensor.from([integer(r, low, high)], { dtype: 'int32' });
    return [[floats(r, dims(r, 1, 3, 20), 0.1), Tensor.from([r() < 0.1 ? 0 : 0.01 + r()]), zero], { dtype }];
  },
  'aten::histc': (r) => {
    const [min, max] = [r() * 4 - 3, r() * 4 - 1].sort((a, b) => a - b) as [number, number];
    const wide = r() < 0.1 ? { min: -3e38, max: 3e38 } : { min, max: r() < 0.1 ? min : max };
    return [[floats(r, dims(r, 1, 3, 40), 0.1)], { bins: integer(r, 1, 300), ...wide }];
  },
  'octavo::finite_range': (r) => {
    const shape = dims(r, 1, 4, 24);
    return [[floats(r, shape, r() < 0.2 ? 1 : 0.1)], { axis: integer(r, -1, shape.length - 1) }];
  },
  'octavo::quantize_per_row': (r) => {
    const [m, k] = [integer(r, 1, 9), integer(r, 1, 40)];
    const zeros = Tensor.from(
      Array.from({ length: m }, () => integer(r, 0, 255)),
      { dtype: 'int32' },
    );
    return [
      [floats(r, [m, k], 0.1), Tensor.from(Array.from({ length: m }, () => (r() < 0.1 ? 0 : 0.01 + r()))), zeros],
      {},
    ];
  },
  'aten::quantize_per_channel': (r) => {
    const shape = dims(r, 2, 3, 12);
    const axis = integer(r, 0, shape.length - 1);
    const scales = Tensor.from(Array.from({ length: shape[axis] as number }, () => 0.01 + r()));
    const zeros = Tensor.from(
      Array.from({ length: shape[axis] as number }, () => integer(r, -20, 20)),
      { dtype: 'int32' },
    );
    return [[floats(r, shape, 0.1), scales, zeros], { axis, dtype: 2 }];
  },
  'aten::dequantize': (r) => {
    const shape = dims(r, 2, 3, 12);
    const axis = integer(r, -2, shape.length - 1);
    const count =
      axis === -1 ? 1 : axis === -2 ? shape.slice(0, -1).reduce((a, b) => a * b, 1) : (shape[axis] as number);
    const scales = Tensor.from(Array.from({ length: count }, () => 0.01 + r()));
    const zeros = Tensor.from(
      Array.from({ length: count }, () => integer(r, 0, 255)),
      { dtype: 'int32' },
    );
    return [[codes(r, shape, 'uint8'), scales, zeros], { axis }];
  },
};
for (const name of ['gelu', 'relu', 'tanh', 'sigmoid', 'erf', 'exp', 'sqrt', 'neg', 'gelu_tanh']) {
  CASES[`aten::${name}`] = (r) => [[floats(r, dims(r, 1, 3, 40), 0.1)], {}];
}
for (const name of ['sin', 'cos']) {
  // Angles of any size: the reductions of small and of large ones stand side by side in a vector.
  CASES[`aten::${name}`] = (r) => {
    const x = floats(r, dims(r, 1, 3, 40), 0.1);
    return [
      [
        new Tensor(
          'float32',
          x.raw.data.map((v) => v * 10 ** integer(r, 0, 37)),
          x.raw.dims,
        ),
      ],
      {},
    ];
  };
}
for (const name of ['add', 'sub', 'mul', 'div']) {
  CASES[`aten::${name}`] = (r) => {
    const shape = dims(r, 1, 4, 9);
    const thin = (): Tensor =>
      floats(
        r,
        shape.slice(integer(r, 0, shape.length)).map((d) => (r() < 0.3 ? 1 : d)),
        0.05,
      );
    return [[r() < 0.5 ? floats(r, shape, 0.05) : thin(), thin()], {}];
  };
}

const STATIC = { xScale: 0.1, xZeroPoint: 3, scale: 0.1, zeroPoint: 9, activation: 0 };
const DYNAMIC = { scheme: 1, reduceRange: 0, activation: 0 };
const ZEROS = Tensor.from([3, 4], { dtype: 'int32' });
const ROUNDS = process.env.OCTAVO_TEST_LONG ? 2000 : 60;

describe.each(supportedIsas())('native ops on %s', (isa) => {
  const backends = [1, 2].map((threads) => createNativeBackend({ isa, threads }));

  it('runs on the instruction set that was asked for', () => {
    expect(backends.map((backend) => backend.isa)).toEqual([isa, isa]);
    expect(backends[0]?.kernelNames.gemmU8S8).toMatch(new RegExp(`__${isa}$`));
  });

  it.each(Object.keys(CASES))('%s has the bits of the reference, on one thread and on two', (name) => {
    const def = opByName(name);
    for (let seed = 0; seed < ROUNDS; seed++) {
      const [inputs, attrs] = (CASES[name] as Cases[string])(generator(seed));
      const expected = def.reference(inputs, attrs).map(bitsOf);
      for (const backend of backends) {
        const got = runKernel(backend, def, inputs, attrs).map(bitsOf);
        expect(
          got,
          `seed ${seed}, attrs ${JSON.stringify(attrs)}, dims ${inputs.map((x) => (x === null ? '-' : isPackedParams(x) ? x.weight.dims : x.dims)).join(' | ')}`,
        ).toEqual(expected);
      }
    }
  });

  it.each(Object.keys(CASES))('%s has these bits whatever the order of its operands in memory', (name) => {
    const def = opByName(name);
    for (let seed = 0; seed < ROUNDS / 2; seed++) {
      const random = generator(seed);
      const [inputs, attrs] = (CASES[name] as Cases[string])(random);
      const expected = def.reference(inputs, attrs).map(bitsOf);
      const turned = inputs.map((x) => (Tensor.is(x) && random() < 0.7 ? inChannelsLast(x) : x));
      const got = runKernel(backends[1], def, turned, attrs).map(bitsOf);
      expect(got, `seed ${seed}, attrs ${JSON.stringify(attrs)}`).toEqual(expected);
    }
  });

  const outcome = (work: () => Tensor[]): unknown => {
    try {
      return work().map(bitsOf);
    } catch (error) {
      if (!isOctavoError(error)) throw error;
      return 'refused';
    }
  };

  it.each(Object.keys(CASES))(
    "%s of nothing, or with odd attributes, has the reference's bits, or both refuse",
    (name) => {
      const def = opByName(name);
      for (let seed = 0; seed < ROUNDS / 3; seed++) {
        const unusual = (seed % 3 === 0 ? withoutElements : withOddAttribute)(CASES, name, generator(seed));
        if (unusual === null) continue;
        const [inputs, attrs] = unusual;
        const expected = outcome(() => {
          checkAttrs(def, attrs);
          def.infer(inputs.map(metaOf), attrs);
          return def.reference(inputs, attrs);
        });
        const got = outcome(() => runKernel(backends[1], def, inputs, attrs));
        expect(got, `seed ${seed}, attrs ${JSON.stringify(attrs)}`).toEqual(expected);
      }
    },
  );

  it.each<[string, Operand[], Attrs]>([
    ['aten::linear', [Tensor.zeros([3, 0]), Tensor.zeros([5, 0]), floats(generator(2), [5])], { activation: 0 }],
    ['aten::matmul', [Tensor.zeros([2, 3, 0]), Tensor.zeros([2, 0, 4])], {}],
    ['quantized::linear', [Tensor.zeros([3, 0], 'uint8'), packedWeights(generator(3), 5, 0)], STATIC],
    ['quantized::linear_dynamic', [Tensor.zeros([3, 0]), packedWeights(generator(3), 5, 0)], DYNAMIC],
    [
      'octavo::linear_quantized',
      [Tensor.zeros([2, 0], 'uint8'), Tensor.from([0.5, 2]), ZEROS, packedWeights(generator(3), 5, 0)],
      { activation: 0 },
    ],
  ])('%s sums nothing as the reference does', (name, inputs, attrs) => {
    const def = opByName(name);
    const expected = def.reference(inputs, attrs).map(bitsOf);
    for (const backend of backends) expect(runKernel(backend, def, inputs, attrs).map(bitsOf)).toEqual(expected);
  });

  it('has a case here for every op that the addon implements', () => {
    const implemented = OP_LIST.filter((op) => backends.every((backend) => backend.kernel(op) !== undefined));
    expect(Object.keys(CASES).sort()).toEqual(implemented.map((op) => op.name).sort());
  });
});

const PROGRAMS = process.env.OCTAVO_TEST_LONG ? 10_000 : 300;

it(`${PROGRAMS} random programs of all these ops have the interpreter's bits on every instruction set`, () => {
  const backends = supportedIsas().map((isa, i) => createNativeBackend({ isa, threads: 1 + (i % 2) }));
  const from = Number(process.env.OCTAVO_TEST_SEED ?? 0);
  for (let seed = from; seed < from + PROGRAMS; seed++) {
    const { program, inputs } = randomOpProgram(CASES, generator(seed));
    const ops = program.instructions.map(({ op }) => op).join(', ');
    const expected = referenceBackend.compile(program).run(inputs).map(bitsOf);
    for (const backend of backends) {
      const executable = backend.compile(program);
      expect(executable.referenceOps, ops).toEqual([]);
      expect(executable.run(inputs).map(bitsOf), `seed ${seed} on ${backend.isa}: ${ops}`).toEqual(expected);
      executable.dispose();
    }
  }
}, 600_000);
