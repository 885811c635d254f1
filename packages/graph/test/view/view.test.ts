import { F, type Tensor } from '@octavo/core';
import { defaultPerChannelQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { calibrate, quantize, toDot, toHtml, trace } from '../../src/index.js';
import { floats } from '../models.js';

const weight = floats([4, 4], 3);
const float = trace((x: Tensor) => F.gelu(F.add(F.linear(x, weight), F.linear(x, weight))), { x: floats([2, 4]) });
const int8 = await quantize(float, { '': defaultPerChannelQConfig }, calibrate, [[{ x: floats([8, 4]) }]]);

describe('toDot', () => {
  it('draws a box a node, coloured by how it computes, without parameters', () => {
    expect(toDot(int8)).toMatchInlineSnapshot(`
      "digraph "Function" {
        node [shape=box, style="rounded,filled", fontname="monospace", fontsize=10];
        v0 [label="input x\\nFloat(2, 4)", fillcolor="#f3d3b5", tooltip="float"];
        v14 [label="%quant.1 = aten::quantize_per_tensor\\nQUInt8(2, 4)", fillcolor="#e4e4ec", tooltip="border"];
        v37 [label="%quant.2 = quantized::linear\\nQUInt8(2, 4)", fillcolor="#bfe3c0", tooltip="int8"];
        v39 [label="%quant.3 = quantized::linear\\nQUInt8(2, 4)", fillcolor="#bfe3c0", tooltip="int8"];
        v40 [label="%quant.4 = quantized::add\\nQUInt8(2, 4)", fillcolor="#bfe3c0", tooltip="int8"];
        v41 [label="%quant.5 = quantized::gelu\\nQUInt8(2, 4)", fillcolor="#bfe3c0", tooltip="int8"];
        v35 [label="%dequant.1 = aten::dequantize\\nFloat(2, 4)", fillcolor="#e4e4ec", tooltip="border"];
        out0 [label="output output\\nFloat(2, 4)", fillcolor="#f3d3b5", tooltip="float"];
        v0 -> v14;
        v14 -> v37;
        v14 -> v39;
        v37 -> v40;
        v39 -> v40;
        v40 -> v41;
        v41 -> v35;
        v35 -> out0;
      }
      "
    `);
  });

  it('quotes names', () => {
    const named = { 'x"\\': floats([1, 4]) };
    expect(toDot(trace((x: Tensor) => F.relu(x), named))).toContain('input x\\"\\\\');
  });
});

describe('toHtml', () => {
  const page = toHtml(int8);

  it('has a line a node and an arc for each reader that is not the next line', () => {
    expect(page.match(/<div id="v/g)).toHaveLength(7);
    expect(page.match(/<path /g)).toHaveLength(2);
    expect(page).toContain('100.0 % of the multiply-adds are int8');
    expect(page).not.toMatch(/<script|http/);
  });

  it('escapes names', () => {
    expect(toHtml(trace((x: Tensor) => F.relu(x), { 'a<b>&': floats([1, 4]) }))).toContain('input a&lt;b&gt;&amp;');
  });
});
