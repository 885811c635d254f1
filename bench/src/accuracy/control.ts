import { Tensor } from '@octavo/core';
import { type AccuracyReport, type Feeds, quantizeWithAccuracyControl } from '@octavo/graph';
import { FixedQParamsObserver, getDefaultQConfig, type QConfigDict } from '@octavo/observers';
import type { Subject } from './subject.js';

const qconfig = getDefaultQConfig('fbgemm');
/** Codes 16 units apart: next to nothing is left of what the layer gives. */
const spoilt = { ...qconfig, activation: FixedQParamsObserver.withArgs({ scale: 16, zeroPoint: 64 }) };

/** Where a search starts, by name. */
const STARTS: Readonly<Record<string, (layer: string) => QConfigDict>> = {
  fbgemm: () => ({ '': qconfig }),
  'fbgemm, one range far too wide': (layer) => ({ '': qconfig, [layer]: spoilt }),
};

/** Searches that give float back until no more than `maxDrop` points are lost; the path of each as a table. */
export async function controlTables(subject: Subject, maxDrop: number, resume: string | undefined): Promise<string> {
  const ranking = subject.calibration.flatMap(examplesOf);
  const layer = middleConvolution(subject);
  const tables: string[] = [];
  for (const [i, [name, start]] of Object.entries(STARTS).entries()) {
    const begun = performance.now();
    const { graph, report } = await quantizeWithAccuracyControl(subject.float, {
      evaluate: async (trial) => {
        const { logits } = await subject.run(trial);
        return 100 * (Object.values(subject.score(logits, subject.labels))[0] as number);
      },
      maxDrop,
      qconfigDict: start(layer),
      calibration: subject.calibration,
      ranking,
      ...(resume !== undefined && { resume: `${resume}.control-${i}` }),
      onTrial: ({ metric, group }) =>
        console.error(`${name}: ${metric.toFixed(2)}, ${group?.activation ?? 'all int8'}`),
    });
    graph.dispose();
    tables.push(`${titleOf(name, layer, report, performance.now() - begun)}\n\n${pathTable(report)}`);
  }
  return tables.join('\n\n');
}

function titleOf(name: string, layer: string, report: AccuracyReport, ms: number): string {
  const kept = report.trials.findLast((trial) => trial.kept)?.removed.length ?? 0;
  return (
    `From ${name}${name === 'fbgemm' ? '' : ` (\`${layer}\`)`}: float ${report.floatMetric.toFixed(1)}, ends at ` +
    `${report.metric.toFixed(1)}, ${report.met ? 'within' : 'more than'} ${report.maxDrop} points, with ` +
    `${report.groups.length - kept} of ${report.groups.length} groups int8; ${(ms / 1000).toFixed(0)} s.`
  );
}

function pathTable({ trials }: AccuracyReport): string {
  const lines = trials.map(({ metric, drop, group, kept }) => [
    group === null ? 'none' : `\`${group.activation}\`${group.layers.map((path) => `, \`${path}\``).join('')}`,
    metric.toFixed(1),
    drop.toFixed(1),
    kept ? 'yes' : 'no, put back',
  ]);
  const head = ['back to float', 'metric', 'drop', 'kept'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The batch's examples as batches of one. */
function examplesOf(feeds: Feeds): Feeds[] {
  const entries = Object.entries(feeds) as [string, Tensor][];
  const size = entries[0]?.[1].dims[0] ?? 0;
  return Array.from({ length: size }, (_, i) =>
    Object.fromEntries(
      entries.map(([name, { type, data, dims }]) => {
        const run = data.length / size;
        return [name, new Tensor(type, data.slice(i * run, (i + 1) * run), [1, ...dims.slice(1)])];
      }),
    ),
  );
}

/** The path of the middle one of the model's convolutions without an activation of its own. */
function middleConvolution({ float }: Subject): string {
  const paths = [...float.nodes()]
    .filter(({ op }) => op === 'aten::conv')
    .map(({ scope }) => scope)
    .filter((scope) => scope.includes('project'));
  return paths[Math.floor(paths.length / 2)] as string;
}
