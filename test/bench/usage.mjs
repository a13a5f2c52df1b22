/**
 * Preloaded (`node --import`) into a process that is measured: at its end it writes down what it took, all threads
 * included, into the file SLIPWAY_BENCH_USAGE names.
 */
import { readFileSync, writeFileSync } from 'node:fs';

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(
    process.env.SLIPWAY_BENCH_USAGE,
    JSON.stringify({ user: userCPUTime / 1e6, system: systemCPUTime / 1e6, residentKb: highWater() ?? maxRSS }),
  );
});

/** Linux counts the starting process's own memory into maxRSS; its `VmHWM` is this process's alone. */
function highWater() {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) || null;
  } catch {
    return null;
  }
}
