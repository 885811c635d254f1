import { readFileSync } from 'node:fs';

/**
 * The most memory that this process ever held, in MB. Linux counts a child's `maxRSS` from its parent's size on, its high
 * water mark from the start of the program.
 */
export function peakMegabytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1000;
  return (Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1.024) / 1000;
}
