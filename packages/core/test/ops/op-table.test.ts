import { expect, it } from 'vitest';
import { describeOps, OP_LIST, OP_TABLE_HASH, OPS, opByName } from '../../src/ops/op-table.js';

it('opcodes ascend from 1, each family in a range of its own, and names are unique', () => {
  const opcodes = OP_LIST.map(({ opcode }) => opcode);
  expect(opcodes[0]).toBe(1);
  expect(opcodes).toEqual([...new Set(opcodes)].sort((a, b) => a - b));
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
35 aten::dequantize(codes,scales,zeroPoints) [axis:int] -> y
36 quantized::linear(x,packed) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int,activation:int] -> y
37 quantized::conv(x,packed) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int,activation:int] -> y
38 quantized::conv_transpose(x,packed) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
39 aten::conv(x,weight,bias?) [stride:ints,padding:ints,dilation:ints,groups:int,activation:int] -> y
40 aten::conv_transpose(x,weight,bias?) [stride:ints,padding:ints,dilation:ints,groups:int,outputPadding:ints] -> y
41 aten::batch_norm(x,weight?,bias?,runningMean,runningVar) [eps:float] -> y
42 aten::max_pool(x) [kernel:ints,stride:ints,padding:ints,dilation:ints,ceilMode:int] -> y
43 aten::avg_pool(x) [kernel:ints,stride:ints,padding:ints,ceilMode:int,countIncludePad:int,divisor:int] -> y
44 aten::adaptive_avg_pool(x) [outputSize:ints] -> y
45 aten::group_norm(x,weight?,bias?) [groups:int,eps:float] -> y
46 aten::clamp(x) [min:float,max:float] -> y
47 aten::hardswish(x) [] -> y
48 aten::hardsigmoid(x) [] -> y
49 aten::elu(x) [alpha:float,inputScale:float] -> y
50 quantized::add(a,b) [aScale:float,aZeroPoint:int,bScale:float,bZeroPoint:int,scale:float,zeroPoint:int,relu:int] -> y
51 quantized::mul(a,b) [aScale:float,aZeroPoint:int,bScale:float,bZeroPoint:int,scale:float,zeroPoint:int,relu:int] -> y
52 quantized::add_scalar(x) [xScale:float,xZeroPoint:int,other:int,scale:float,zeroPoint:int,relu:int] -> y
53 quantized::mul_scalar(x) [xZeroPoint:int,other:float,relu:int] -> y
54 quantized::requantize(x) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int,relu:int] -> y
55 quantized::relu(x) [xZeroPoint:int] -> y
56 quantized::clamp(x) [xScale:float,xZeroPoint:int,min:float,max:float] -> y
57 quantized::threshold(x) [xScale:float,xZeroPoint:int,threshold:float,value:float] -> y
58 quantized::leaky_relu(x) [xScale:float,xZeroPoint:int,negativeSlope:float,scale:float,zeroPoint:int] -> y
59 quantized::hardswish(x) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
60 quantized::hardsigmoid(x) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
61 quantized::sigmoid(x) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
62 quantized::tanh(x) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
63 quantized::elu(x) [xScale:float,xZeroPoint:int,alpha:float,inputScale:float,scale:float,zeroPoint:int] -> y
64 quantized::max_pool2d(x) [kernel:ints,stride:ints,padding:ints,dilation:ints,ceilMode:int] -> y
65 quantized::avg_pool2d(x) [kernel:ints,stride:ints,padding:ints,ceilMode:int,countIncludePad:int,divisor:int,xZeroPoint:int,nchw:int] -> y
66 quantized::adaptive_avg_pool2d(x) [outputSize:ints,xZeroPoint:int,nchw:int] -> y
67 quantized::mean(x) [dims:ints,keepdim:int,xZeroPoint:int] -> y
68 quantized::upsample_nearest2d(x) [size:ints] -> y
69 quantized::upsample_bilinear2d(x) [size:ints,alignCorners:int,xZeroPoint:int] -> y
70 quantized::batch_norm(x,weight?,bias?,mean,var) [eps:float,xScale:float,xZeroPoint:int,scale:float,zeroPoint:int,relu:int] -> y
71 quantized::layer_norm(x,weight?,bias?) [axes:int,eps:float,xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
72 quantized::group_norm(x,weight?,bias?) [groups:int,eps:float,xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
73 quantized::softmax(x) [dim:int,xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
74 quantized::matmul(a,b) [aScale:float,aZeroPoint:int,bScale:float,bZeroPoint:int,scale:float,zeroPoint:int] -> y
75 aten::leaky_relu(x) [negativeSlope:float] -> y
76 aten::mean(x) [dims:ints,keepDim:int] -> y
77 aten::upsample_nearest(x) [size:ints] -> y
78 aten::upsample_bilinear(x) [size:ints,alignCorners:int] -> y
79 aten::embedding_bag(weight,indices,offsets?,perSampleWeights?) [mode:int,includeLastOffset:int,paddingIdx:int] -> y
80 aten::log_softmax(x) [dim:int] -> y
81 aten::silu(x) [] -> y
82 aten::sin(x) [] -> y
83 aten::cos(x) [] -> y
84 aten::scaled_dot_product_attention(q,k,v,mask?) [scale:float,groups:int] -> y
85 aten::gelu_tanh(x) [] -> y
86 quantized::gelu_tanh(x) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
87 aten::rms_norm(x,weight?) [axes:int,eps:float] -> y
90 aten::pad(x) [padding:ints,value:float] -> y
95 quantized::pad(x) [padding:ints,xZeroPoint:int] -> y
190 quantized::gelu(x) [xScale:float,xZeroPoint:int,scale:float,zeroPoint:int] -> y
191 octavo::multi_head_attention_int8(q,k,v,mask?) [heads:int,scale:float] -> y
192 octavo::linear_weight_only(x,codes,scales,zeroPoints,bias?) [bits:int,groupSize:int,activation:int] -> y`;

it('the table holds all rows that were ever released, in their order', () => {
  const committed = COMMITTED.trim().split('\n');
  const rows = describeOps().split('\n');
  expect(rows.filter((row) => committed.includes(row))).toEqual(committed);
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
