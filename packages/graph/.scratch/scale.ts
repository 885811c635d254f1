import { Tensor, withBackend, referenceBackend, planMemory, F } from '@octavo/core';
import { createNativeBackend } from '@octavo/kernels-native';
import { perRowDynamicQConfig, getDefaultQConfig } from '@octavo/observers';
import { importOnnx, prepareDynamic, convertDynamic, prepare, convert, saveGraph, loadGraph, toDot, toHtml, verify, coverage, exportOnnx, calibrate, trace } from '../src/index.js';
import * as G from '../src/index.js';
import { lower } from '../src/lower/lower.js';
import { specialise } from '../src/run/specialise.js';
import { modelBytes, tensorProto, graphProto } from '../test/onnx/build-model.js';

process.env.OCTAVO_BACKEND = 'reference';
let last = process.cpuUsage();
let lastT = performance.now();
function lap(name: string) {
  const now = process.cpuUsage(last); const t = performance.now();
  console.log(name.padEnd(34), 'user', (now.user / 1e6).toFixed(2), 'wall', ((t - lastT) / 1e3).toFixed(2), 'rss', (process.memoryUsage.rss() / 1e6).toFixed(0));
  last = process.cpuUsage(); lastT = performance.now();
}
const kind = process.argv[2] ?? 'mixed';
const count = Number(process.argv[3] ?? 100000);
const steps = new Set((process.argv[4] ?? 'all').split(','));
const on = (s: string) => steps.has('all') || steps.has(s);

function makeModel(): Uint8Array {
  const nodes: any[] = []; const initializers: any[] = [];
  let x = 'x';
  if (kind === 'chain') {
    for (let i = 0; i < count; i++) { nodes.push({ op: ['Relu', 'Neg', 'Abs'][i % 3], name: `/c/n${i}`, in: [x], out: [`v${i}`] }); x = `v${i}`; }
  } else if (kind === 'mixed') {
    // a transformer-like mix: MatMul Add Relu Add(residual) per 4 nodes
    for (let i = 0; i < count / 4; i++) {
      const w = `l.${i}.fc.weight`, b = `l.${i}.fc.bias`;
      initializers.push(tensorProto(w, [4, 4], Array.from({ length: 16 }, (_, k) => 0.1 * Math.sin(i + k))));
      initializers.push(tensorProto(b, [4], [1, 2, 3, 4]));
      nodes.push({ op: 'MatMul', name: `/l.${i}/fc/MatMul`, in: [x, w], out: [`m${i}`] });
      nodes.push({ op: 'Add', name: `/l.${i}/fc/Add`, in: [`m${i}`, b], out: [`a${i}`] });
      nodes.push({ op: 'Relu', name: `/l.${i}/Relu`, in: [`a${i}`], out: [`r${i}`] });
      nodes.push({ op: 'Add', name: `/l.${i}/Add`, in: [`r${i}`, x], out: [`s${i}`] });
      x = `s${i}`;
    }
  } else if (kind === 'wide') {
    for (let i = 0; i < count; i++) nodes.push({ op: 'Relu', name: `/n${i}`, in: ['x'], out: [`v${i}`] });
    nodes.push({ op: 'Concat', name: '/cat', in: Array.from({ length: count }, (_, i) => `v${i}`), out: ['y'], attrs: { axis: 1 } });
    x = 'y';
  } else if (kind === 'inputs') {
    nodes.push({ op: 'Concat', name: '/cat', in: Array.from({ length: count }, (_, i) => `x${i}`), out: ['y'], attrs: { axis: 1 } });
    return modelBytes({ inputs: Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, ['n', 4]])), nodes, outputs: ['y'] });
  } else if (kind === 'outputs') {
    for (let i = 0; i < count; i++) nodes.push({ op: 'Relu', name: `/n${i}`, in: ['x'], out: [`v${i}`] });
    return modelBytes({ inputs: { x: ['n', 4] }, nodes, outputs: nodes.map((n) => n.out[0]) });
  } else if (kind === 'dims') {
    // shape computations per layer
    initializers.push(tensorProto('m1', [1], [-1], 7));
    for (let i = 0; i < count / 4; i++) {
      nodes.push({ op: 'Shape', name: `/l.${i}/s`, in: [x], out: [`sh${i}`] });
      nodes.push({ op: 'Reshape', name: `/l.${i}/f`, in: [x, 'm1'], out: [`f${i}`] });
      nodes.push({ op: 'Relu', name: `/l.${i}/r`, in: [`f${i}`], out: [`r${i}`] });
      nodes.push({ op: 'Reshape', name: `/l.${i}/b`, in: [`r${i}`, `sh${i}`], out: [`b${i}`] });
      x = `b${i}`;
    }
  } else if (kind === 'deferred') {
    // Reshape by a fed shape: nodes stay
    for (let i = 0; i < count / 2; i++) {
      nodes.push({ op: 'Reshape', name: `/l.${i}/f`, in: [x, 'shape'], out: [`f${i}`] });
      nodes.push({ op: 'Relu', name: `/l.${i}/r`, in: [`f${i}`], out: [`r${i}`] });
      x = `r${i}`;
    }
    return modelBytes({ inputs: { x: ['n', 4], shape: [2] }, types: { shape: 7 }, nodes, outputs: [x] });
  }
  return modelBytes({ inputs: { x: ['n', 4] }, initializers, nodes, outputs: [x] });
}
const bytes = makeModel();
lap('build ' + kind + ' ' + (bytes.length / 1e6).toFixed(1) + 'MB');
const graph = await importOnnx(bytes);
lap('import ' + [...graph.nodes()].length);
const feeds = kind === 'inputs' ? Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, new Tensor(Float32Array.of(1, 2, 3, 4), [1, 4])])) : kind === 'deferred' ? { x: new Tensor(new Float32Array(8), [2, 4]), shape: Tensor.from([2, 4], { dtype: 'int64' }) } : { x: new Tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 4]) };
if (on('clone')) { graph.clone(); lap('clone'); }
if (on('print')) { graph.print(); lap('print'); }
if (on('dot')) { toDot(graph); lap('toDot'); }
if (on('html')) { toHtml(graph); lap('html'); }
if (on('dyn')) { const p = prepareDynamic(graph, { '': perRowDynamicQConfig }); lap('prepareDynamic'); const c = convertDynamic(p); lap('convertDynamic ' + [...c.nodes()].length);
  if (on('save')) { await saveGraph(c, '/tmp/rb/scale.octavo'); lap('save'); const l = await loadGraph('/tmp/rb/scale.octavo'); lap('load'); }
  if (on('qdot')) { toDot(c); lap('toDot int8'); }
  if (on('cov')) { coverage(c); lap('coverage'); }
  if (on('native')) { const b = createNativeBackend({ threads: 1 }); withBackend(b, () => { c.run(feeds); lap('native run1 int8'); c.run(feeds); lap('native run2 int8'); }); }
}
if (on('lower')) { const { program } = lower(graph); lap('lower'); if (kind !== 'deferred') { planMemory(program, program.inputs.map((i) => [2, 4])); lap('planMemory'); } }
if (on('native')) { const b = createNativeBackend({ threads: 1 }); withBackend(b, () => { graph.run(feeds); lap('native run1'); graph.run(feeds); lap('native run2'); }); }
if (on('ref')) { withBackend(referenceBackend, () => { graph.run(feeds); lap('ref run1'); graph.run(feeds); lap('ref run2'); }); }
if (on('spec')) { specialise(graph, Object.values(feeds).map((t: any) => ({ dtype: t.type, dims: t.raw.dims }))); lap('specialise'); }
if (on('static')) { const p = prepare(graph, { '': getDefaultQConfig('fbgemm') }); lap('prepare'); if (p.observers.size > 0) { if (on('cal')) { await calibrate(p, [feeds]); lap('calibrate'); const c = convert(p); lap('convert'); } } else { convert(p); lap('convert'); } }
if (on('export')) { const e = await exportOnnx(graph, '/tmp/rb/scale.onnx').catch((e) => console.log(String(e).slice(0, 200))); lap('export'); }
