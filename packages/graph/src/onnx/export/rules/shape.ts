import type { ExportContext, ExportRule } from '../rule.js';

/** ONNX's number for the type int64. */
const INT64 = 7;
/** An end beyond every dim: ONNX clamps it. */
const TO_END = Number.MAX_SAFE_INTEGER;

const slice: ExportRule = (n) =>
  n.writer.op('Slice', [
    n.input(0),
    n.writer.ints([n.number('start', 0)]),
    n.writer.ints([n.number('end', TO_END)]),
    n.writer.ints([n.number('dim', 0)]),
    n.writer.ints([n.number('step', 1)]),
  ]);

/** As many elements from the start of a dim as another tensor has along one of its own. */
const sliceLike: ExportRule = (n) => {
  const { writer } = n;
  const index = writer.ints([n.number('likeDim')]);
  const end = writer.op('Gather', [writer.op('Shape', [n.input(1)]), index]);
  return writer.op('Slice', [n.input(0), writer.ints([0]), end, writer.ints([n.number('dim')])]);
};

/** Every dim in `dims` the other way round. */
const flip: ExportRule = (n) => {
  const dims = n.list('dims');
  const all = (value: number): string => n.writer.ints(dims.map(() => value));
  return n.writer.op('Slice', [n.input(0), all(-1), all(-TO_END), n.writer.ints(dims), all(-1)]);
};

/** Dims of another tensor among those that are asked for. */
const reshapeLike: ExportRule = (n) => {
  const { writer } = n;
  const like = writer.op('Shape', [n.input(1)]);
  const asked = n.list('dims').map((dim) => {
    return dim < -1 ? writer.op('Gather', [like, writer.ints([-2 - dim])]) : writer.ints([dim]);
  });
  return writer.op('Reshape', [n.input(0), writer.op('Concat', asked, { axis: 0 })]);
};

/** A dim of 1 as long as one of another tensor; the dims before and behind it are those that are there. */
const expandLike: ExportRule = (n) => {
  const { writer } = n;
  const dim = n.number('dim');
  const size = writer.op('Gather', [writer.op('Shape', [n.input(1)]), writer.ints([n.number('likeDim')])]);
  const own = writer.op('Shape', [n.input(0)]);
  const part = (start: number, end: number): string =>
    writer.op('Slice', [own, writer.ints([start]), writer.ints([end])]);
  // Behind the last dim, which may be called -1, there is nothing.
  const behind = dim === -1 ? [] : [part(dim + 1, TO_END)];
  return writer.op('Expand', [n.input(0), writer.op('Concat', [part(0, dim), size, ...behind], { axis: 0 })]);
};

const arangeLike: ExportRule = (n) => {
  const { writer } = n;
  const index = writer.scalar(n.number('dim', 0), 'int64');
  const count = writer.op('Gather', [writer.op('Shape', [n.input(0)]), index]);
  return writer.op('Range', [writer.scalar(0, 'int64'), count, writer.scalar(1, 'int64')]);
};

/** Padding of all dims as ONNX wants it: begins, then ends. Ours is for the last dims alone. */
const pad: ExportRule = (n) => {
  const { writer } = n;
  const padding = n.list('padding');
  const axes = padding.length / 2;
  const [begin, end] = [padding.slice(0, axes), padding.slice(axes)];
  const rank = n.dims(0)?.length;
  const none = new Array<number>(Math.max(0, (rank ?? 0) - axes)).fill(0);
  const pads = rank === undefined ? countedPads(n, begin, end) : writer.ints([...none, ...begin, ...none, ...end]);
  return writer.op('Pad', [n.input(0), pads, writer.scalar(n.number('value', 0))]);
};

/** For a tensor of unknown rank: as many zeros as it has dims besides, counted when the model runs. */
function countedPads(n: ExportContext, begin: readonly number[], end: readonly number[]): string {
  const { writer } = n;
  const rank = writer.op('Shape', [writer.op('Shape', [n.input(0)])]);
  const others = writer.op('ConstantOfShape', [writer.op('Sub', [rank, writer.ints([begin.length])])]);
  const none = writer.op('Cast', [others], { to: INT64 });
  return writer.op('Concat', [none, writer.ints(begin), none, writer.ints(end)], { axis: 0 });
}

/** Reductions with axes as an attribute, those of opset 17 but for ReduceSum. */
const reduce =
  (type: string): ExportRule =>
  (n) => {
    const axes = n.list('dims');
    return n.writer.op(type, [n.input(0)], { ...(axes.length > 0 && { axes }), keepdims: n.number('keepDim') });
  };

const sum: ExportRule = (n) => {
  const axes = n.list('dims');
  const inputs = [n.input(0), ...(axes.length > 0 ? [n.writer.ints(axes)] : [])];
  return n.writer.op('ReduceSum', inputs, { keepdims: n.number('keepDim') });
};

const arg =
  (type: string): ExportRule =>
  (n) =>
    n.writer.op(type, [n.input(0)], {
      axis: n.number('dim'),
      keepdims: n.number('keepDim'),
      select_last_index: n.number('last'),
    });

export const SHAPE_RULES: Readonly<Record<string, ExportRule>> = {
  'aten::_shape_as_tensor': (n) => n.writer.op('Shape', [n.input(0)]),
  'aten::amax': reduce('ReduceMax'),
  'aten::amin': reduce('ReduceMin'),
  'aten::argmax': arg('ArgMax'),
  'aten::argmin': arg('ArgMin'),
  'aten::cat': (n) =>
    n.writer.op(
      'Concat',
      n.node.inputs.map((_, i) => n.input(i)),
      { axis: n.number('dim') },
    ),
  'aten::cumsum': (n) =>
    n.writer.op('CumSum', [n.input(0), n.writer.scalar(n.number('dim'), 'int64')], {
      exclusive: n.number('exclusive'),
      reverse: n.number('reverse'),
    }),
  'aten::expand': (n) => n.writer.op('Expand', [n.input(0), n.writer.ints(n.list('dims'))]),
  'aten::flip': flip,
  'aten::gather': (n) => n.writer.op('GatherElements', [n.input(0), n.input(1)], { axis: n.number('dim') }),
  'aten::mean': reduce('ReduceMean'),
  'aten::pad': pad,
  'aten::permute': (n) => {
    const dims = n.list('dims');
    return n.writer.op('Transpose', [n.input(0)], { perm: dims.map((dim) => (dim < 0 ? dim + dims.length : dim)) });
  },
  'aten::prod': reduce('ReduceProd'),
  'aten::repeat': (n) => n.writer.op('Tile', [n.input(0), n.writer.ints(n.list('repeats'))]),
  'aten::reshape': (n) => n.writer.op('Reshape', [n.input(0), n.writer.ints(n.list('dims'))]),
  'octavo::reshape_like': reshapeLike,
  'aten::select': (n) =>
    n.writer.op('Gather', [n.input(0), n.writer.scalar(n.number('index'), 'int64')], { axis: n.number('dim') }),
  'aten::slice': slice,
  'aten::squeeze': (n) => n.writer.op('Squeeze', [n.input(0), n.writer.ints(n.list('dims'))]),
  'aten::sum': sum,
  'aten::topk': (n) =>
    n.writer.ops('TopK', [n.input(0), n.writer.ints([n.number('k')])], 2, {
      axis: n.number('dim', -1),
      largest: n.number('largest', 1),
    }),
  'aten::unsqueeze': (n) => n.writer.op('Unsqueeze', [n.input(0), n.writer.ints([n.number('dim')])]),
  'octavo::arange_like': arangeLike,
  'octavo::expand_like': expandLike,
  'octavo::flatten_to_matrix': (n) => n.writer.op('Flatten', [n.input(0)], { axis: n.number('dim') }),
  'octavo::slice_like': sliceLike,
  'octavo::take': (n) => n.writer.op('Gather', [n.input(0), n.input(1)], { axis: n.number('dim') }),
  'octavo::tri': (n) =>
    n.writer.op('Trilu', [n.input(0), n.writer.scalar(n.number('diagonal'), 'int64')], { upper: n.number('upper') }),
};
