/**
 * Module paths from what exporters write: PyTorch names nodes `/encoder/layer.0/attention/self/query/MatMul`, which
 * is module `encoder.layer.0.attention.self.query`; where it does not, weights are called `fc1.weight`, which is `fc1`.
 */
export function modulePath(
  nodeName: string,
  inputs: readonly string[],
  isWeight: (name: string) => boolean = () => true,
): string {
  if (nodeName.startsWith('/')) {
    const steps = nodeName.split('/').slice(1, -1);
    // A list of modules repeats its own name: layer/layer.0.
    const path = steps.filter((step, i) => !(steps[i + 1] ?? '').startsWith(`${step}.`));
    return path.join('.');
  }
  for (const weight of inputs) {
    const dot = weight.lastIndexOf('.');
    if (dot > 0 && !weight.includes('::') && !weight.includes('/') && isWeight(weight)) return weight.slice(0, dot);
  }
  return '';
}

/** A path and all above it, the longest last: '', `a`, `a.b`. */
export function pathsAbove(path: string): string[] {
  if (path === '') return [''];
  const steps = path.split('.');
  return ['', ...steps.map((_, i) => steps.slice(0, i + 1).join('.'))];
}
