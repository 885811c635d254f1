import { type DoctorReport, doctor } from '@octavo/core';
import { loadNativeBackend } from '../native-backend.js';
import type { DefineCommand } from './command.js';
import { EXIT } from './exit-code.js';

/** `octavo doctor`: what runs here, why not something better, and whether it computes right. */
export const defineDoctor: DefineCommand = (program, io, exit) => {
  program
    .command('doctor')
    .description('Say which backend runs here and why not a better one, and test it.')
    .option('--kernels', 'list the ops of each kernel')
    .action(async (options: { kernels?: boolean }) => {
      const isas = await loadNativeBackend();
      const report = doctor();
      const facts: [string, string][] = [
        ['platform', report.platform],
        ['node', report.node ?? 'none'],
        ['backend', report.backend],
        ['isa', describeIsa(report, isas)],
        ['cpu', report.cpuFeatures.join(' ') || 'unknown'],
        ['threads', String(report.threads)],
        ['peak', describePeak(report)],
        ...describeKernels(report, options.kernels),
        ['self-test', describeSelfTest(report)],
      ];
      for (const [isa, why] of Object.entries(report.missingIsas)) facts.push(['not used', `${isa}: ${why}`]);
      if (report.referenceOps.length > 0)
        facts.push(['no kernel', `${report.referenceOps.join(', ')}: on the reference`]);
      if (report.backend === 'reference') facts.push(['why', report.why ?? 'asked for with OCTAVO_BACKEND=reference']);
      io.out(facts.map(([name, value]) => `${name.padEnd(10)} ${value}\n`).join(''));
      if (!report.selfTest.every(({ ok }) => ok)) exit(EXIT.failed);
    });
};

function describeIsa({ backend, isa }: DoctorReport, isas: readonly string[]): string {
  if (backend !== 'native') return isa;
  const capped = isa === isas.at(-1) ? 'the best of' : 'capped with OCTAVO_ISA;';
  return `${isa} (${capped} what the kernels and this CPU have: ${isas.join(', ')})`;
}

function describePeak({ peak }: DoctorReport): string {
  if (peak === null) return 'not measured on the reference';
  const rate = (value: number) => value.toPrecision(3);
  return `int8 ${rate(peak.int8)}, float32 ${rate(peak.float32)} GMAC/s on one thread`;
}

/** A line for each kernel: how many ops spend their time in it, or which. */
function describeKernels({ kernels }: DoctorReport, list = false): [string, string][] {
  const names = [...new Set(Object.values(kernels))].filter((kernel) => kernel !== 'reference');
  return names.map((kernel) => {
    const ops = Object.keys(kernels).filter((op) => kernels[op] === kernel);
    return ['kernel', `${kernel}: ${list ? ops.join(', ') : `${ops.length} ops`}`];
  });
}

function describeSelfTest({ selfTest }: DoctorReport): string {
  const wrong = selfTest.filter(({ ok }) => !ok).map(({ op }) => op);
  const passed = `${selfTest.length - wrong.length} of ${selfTest.length} checks give the reference's bits`;
  return wrong.length === 0 ? passed : `FAILED: ${passed}; wrong: ${[...new Set(wrong)].join(', ')}`;
}
