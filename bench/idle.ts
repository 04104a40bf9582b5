import { cpuMs, rssMegabytes } from './process-usage.js';
import { sleep } from './scene.js';

/** What a process costs that has nothing to do. */
export interface Idle {
  readonly seconds: number;
  /** Of one core. */
  readonly cpuPercent: number;
  readonly rssMegabytes: number;
}

/** Watches a process do nothing. CPU time is counted in ticks of 10 ms, so a short watch is a coarse one. */
export async function measureIdle(pid: number, seconds: number): Promise<Idle> {
  const before = cpuMs(pid);
  await sleep(seconds * 1000);
  return { seconds, cpuPercent: (cpuMs(pid) - before) / seconds / 10, rssMegabytes: rssMegabytes(pid) };
}
