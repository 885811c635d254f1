import {
  type ConvOptions,
  ConvPackedParams,
  isOctavoError,
  LinearPackedParams,
  OctavoError,
  type Operand,
  QuantizedTensor,
} from '@octavo/core';
import type { QuantizedFileContent } from '@octavo/core/node';
import { Graph, type GraphStage } from '../ir/graph.js';
import { verify } from '../ir/verify.js';
import { type FileTensors, NodeDecoder, readTensor } from './decode-nodes.js';
import { GRAPH_KEY } from './graph-json.js';
import { JsonReader } from './json-reader.js';
import { opVersion } from './op-versions.js';

const STAGES: readonly GraphStage[] = ['float', 'debug', 'quantized'];

/** The graph that `encodeGraph` made a file's content of. `source` names the file in messages, all INVALID_FILE. */
export function decodeGraph({ tensors, metadata }: QuantizedFileContent, source: string): Graph {
  const json = new JsonReader(parse(metadata[GRAPH_KEY], source), source);
  for (const [op, version] of json.field('ops').entries()) {
    if (version.count() > opVersion(op)) throw version.fault('is of a later version; update @octavo/graph');
  }
  const graph = new Graph(json.field('name').text());
  graph.stage = json.field('stage').oneOf(STAGES);
  const fixedBy = json.field('fixedBy');
  graph.fixedBy = fixedBy.isNull ? null : fixedBy.text();
  for (const [path, typeName] of json.field('modules').entries()) graph.modules.set(path, typeName.text());
  for (const [name, packed] of json.field('frozen').entries()) graph.frozen.set(name, packed.text());
  for (const [name, parameter] of json.field('parameters').entries()) {
    graph.parameters.set(name, readParameter(parameter, tensors));
  }
  const decoder = new NodeDecoder(graph, tensors);
  for (const input of json.field('inputs').list()) decoder.input(input);
  for (const node of json.field('nodes').list()) decoder.node(node);
  for (const output of json.field('outputs').list()) decoder.output(output);
  try {
    return verify(graph);
  } catch (error) {
    throw isOctavoError(error) ? json.fault(`is inconsistent: ${error.message}`, error) : error;
  }
}

function parse(text: string | undefined, source: string): unknown {
  if (text === undefined) {
    throw new OctavoError('INVALID_FILE', `${source}: this file holds no graph; loadGraph reads what saveGraph wrote`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OctavoError('INVALID_FILE', `${source}: the graph in this file is no valid JSON`, { cause });
  }
}

function readParameter(json: JsonReader, tensors: FileTensors): Operand {
  if (json.isRecordWith('tensor')) return readTensor(json.field('tensor'), tensors);
  const values = readTensor(json.field('weight'), tensors);
  const scales = readTensor(json.field('scales'), tensors).raw.data;
  const axis = json.field('axis');
  const bias = json.field('bias');
  const zeroPoints = readTensor(json.field('zeroPoints'), tensors).raw.data;
  if (!(scales instanceof Float32Array)) throw json.field('scales').fault('must be float32');
  if (!(zeroPoints instanceof Int32Array)) throw json.field('zeroPoints').fault('must be int32');
  try {
    const weight = new QuantizedTensor('qint8', values, {
      scales,
      zeroPoints,
      axis: axis.isNull ? null : axis.count(),
    });
    const biases = bias.isNull ? null : readTensor(bias, tensors);
    const conv = json.field('conv');
    // Nobody else has what the file's tensors hold.
    return conv.isAbsent
      ? new LinearPackedParams(weight, biases, { owned: true })
      : new ConvPackedParams(weight, biases, readConv(conv), { owned: true });
  } catch (error) {
    throw isOctavoError(error) && error.code !== 'INVALID_FILE'
      ? json.fault(`is inconsistent: ${error.message}`, error)
      : error;
  }
}

function readConv(json: JsonReader): ConvOptions {
  const list = (name: string) => json.field(name).items((item) => item.count());
  const transposed = json.field('transposed').flag();
  return {
    stride: list('stride'),
    padding: list('padding'),
    dilation: list('dilation'),
    groups: json.field('groups').count(),
    transposed,
    ...(transposed && { outputPadding: list('outputPadding') }),
  };
}
