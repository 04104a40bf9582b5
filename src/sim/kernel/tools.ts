import type { FirewallResult } from '../../ports/firewall.js';
import type { Process } from '../engine/process.js';
import type { Stream } from '../engine/seed.js';
import type { FaultyPort, KernelFaults } from './faults.js';
import { type Refusal, refusal } from './ip-sets.js';

/** Milliseconds that a run of iptables or ipset takes. */
const RUN_LEAST_MS = 3;
const RUN_MOST_MS = 30;
/** How long iptables waits for the lock, and how long the daemon waits for a tool. */
const LOCK_WAIT_MS = 5_000;
const TIMEOUT_MS = { iptables: 15_000, ipset: 20_000 } as const;

export type ToolName = 'iptables' | 'ipset';

/** What a run does to the kernel, one thing after the other; the first that fails ends it. */
export type Work = readonly (() => Refusal | undefined)[];

export interface ToolHost {
  after(delayMs: number, run: () => void): void;
}

/** Runs the programs that change rules and sets. They are processes of their own: a killed daemon's still finish. */
export class Tools {
  private readonly host: ToolHost;
  private readonly random: Stream;
  private readonly faults: KernelFaults;

  constructor(host: ToolHost, random: Stream, faults: KernelFaults) {
    this.host = host;
    this.random = random;
    this.faults = faults;
  }

  /** Does the work in the course of a run and tells `process` how it ended, if that still lives. */
  run(tool: ToolName, process: Process, work: Work, ended: (failure: Refusal | undefined) => void): void {
    const answer = (afterMs: number, failure: Refusal): void =>
      this.host.after(afterMs, () => process.enter(() => ended(failure)));
    const tookMs = this.faults.toolMs ?? this.random.between(RUN_LEAST_MS, RUN_MOST_MS);
    const port: FaultyPort = tool;
    const code = this.faults.take(port);
    if (code !== undefined) answer(tookMs, refusal(code, `${tool}: ${code}`));
    else if (tool === 'iptables' && tookMs > LOCK_WAIT_MS)
      answer(
        LOCK_WAIT_MS,
        refusal('EBUSY', `${tool} waited in vain: another program holds the xtables lock`),
      );
    else if (tookMs > TIMEOUT_MS[tool])
      answer(TIMEOUT_MS[tool], refusal('ETIMEDOUT', `${tool} did not finish in time`));
    else this.step(work, 0, tookMs / Math.max(1, work.length), process, ended);
  }

  private step(
    work: Work,
    at: number,
    eachMs: number,
    process: Process,
    ended: (failure: Refusal | undefined) => void,
  ): void {
    this.host.after(eachMs, () => {
      const failure = work[at]?.();
      if (failure === undefined && at + 1 < work.length) this.step(work, at + 1, eachMs, process, ended);
      else process.enter(() => ended(failure));
    });
  }
}

/** Lets jobs of one process that change rules and sets run one after the other, in the order they were asked for. */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private busy = false;

  /** `job` begins when those before it are through, and says by its argument how it ended; that goes to `done`. */
  answer<T>(
    job: (end: (result: FirewallResult<T>) => void) => void,
    done: (result: FirewallResult<T>) => void,
  ): void {
    this.waiting.push(() =>
      job((result) => {
        this.busy = false;
        done(result);
        this.next();
      }),
    );
    this.next();
  }

  private next(): void {
    if (this.busy) return;
    const job = this.waiting.shift();
    if (job === undefined) return;
    this.busy = true;
    job();
  }
}
