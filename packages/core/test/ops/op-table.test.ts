import { expect, it } from 'vitest';
import { describeOps, OP_LIST, OP_TABLE_HASH, OPS, opByName } from '../../src/ops/op-table.js';

it('opcodes are 1, 2, 3, ... and names unique', () => {
  expect(OP_LIST.map(({ opcode }) => opcode)).toEqual(OP_LIST.map((_, i) => i + 1));
  expect(Object.keys(OPS)).toHaveLength(OP_LIST.length);
});

// Append-only: compiled addons know ops by number, operand order and attribute order. Never edit a line; add one.
const COMMITTED = `
1 aten::linear(x,weight,bias?) [activation:int] -> y
2 octavo::quantize_dynamic(x) [scheme:int,reduceRange:int] -> codes,scales,zeroPoints
3 octavo::linear_quantized(codes,scales,zeroPoints,packed) [activation:int] -> y
4 quantized::linear_dynamic(x,packed) [scheme:int,reduceRange:int,activation:int] -> y
5 aten::layer_norm(x,weight?,bias?) [axes:int,eps:float] -> y
6 aten::softmax(x) [dim:int] -> y
7 octavo::multi_head_attention(q,k,v,mask?) [heads:int,scale:float] -> y
8 aten::gelu(x) [] -> y
9 aten::relu(x) [] -> y
10 aten::tanh(x) [] -> y
11 aten::sigmoid(x) [] -> y
12 aten::erf(x) [] -> y
13 aten::exp(x) [] -> y
14 aten::sqrt(x) [] -> y
15 aten::neg(x) [] -> y
16 aten::add(a,b) [] -> y
17 aten::sub(a,b) [] -> y
18 aten::mul(a,b) [] -> y
19 aten::div(a,b) [] -> y
20 aten::matmul(a,b) [] -> y
21 aten::embedding(weight,ids) [] -> y
22 aten::reshape(x) [dims:ints] -> y
23 aten::permute(x) [dims:ints] -> y
24 aten::select(x) [dim:int,index:int] -> y
25 aten::slice(x) [dim:int,start:int,end:int,step:int] -> y
26 aten::unsqueeze(x) [dim:int] -> y
27 aten::to(x) [dtype:int] -> y
28 octavo::arange_like(x) [dim:int] -> y
29 aten::cat(tensors*) [dim:int] -> y
30 aten::_choose_qparams_per_tensor(x) [reduceRange:int] -> scale,zeroPoint
31 octavo::choose_qparams_per_row(x) [reduceRange:int] -> scales,zeroPoints
32 aten::quantize_per_tensor(x,scale,zeroPoint) [dtype:int] -> codes
33 octavo::quantize_per_row(x,scales,zeroPoints) [] -> codes
34 aten::quantize_per_channel(x,scales,zeroPoints) [axis:int,dtype:int] -> codes
35 aten::dequantize(codes,scales,zeroPoints) [axis:int] -> y`;

it('the table begins with all rows that were ever released', () => {
  expect(describeOps().startsWith(COMMITTED.trim())).toBe(true);
});

it('the hash is of the table: any change of a name, a number or an encoding changes it', () => {
  expect(OP_TABLE_HASH).toMatch(/^[0-9a-f]{8}$/);
  const [first, ...rest] = OP_LIST;
  expect(describeOps([{ ...first!, attrs: { activation: 'float' } }, ...rest])).not.toBe(describeOps());
});

it('an unknown op is an error with the nearest name', () => {
  expect(opByName('aten::linear').opcode).toBe(1);
  expect(() => opByName('aten::lineal')).toThrow("unknown op 'aten::lineal'; did you mean 'aten::linear'?");
  expect(() => opByName('toString')).toThrow("unknown op 'toString'");
});
