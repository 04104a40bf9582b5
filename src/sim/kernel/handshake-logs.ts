import type { Endpoint } from '../../core/endpoint.js';
import { KernelError } from '../../ports/kernel-error.js';
import type { Process } from '../engine/process.js';
import type { Stream } from '../engine/seed.js';
import type { KernelFaults } from './faults.js';

/** Answers that the socket's buffer holds until they are read. */
const ROOM = 8_000;
const BATCH = 256;
const WAKE_LEAST_MS = 0.02;
const WAKE_MOST_MS = 0.1;

/** A SYN-ACK or RST that came by, from its backend to its client. */
export interface LoggedAnswer {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly refuses: boolean;
  /** The host's clock when it came from the wire; one made here bears no stamp. */
  readonly stampMs: number | undefined;
}

export interface LogHost {
  after(delayMs: number, run: () => void): void;
}

/** The log groups (NFLOG) of one host: each is read by one process at most. */
export class HandshakeLogs {
  private readonly host: LogHost;
  private readonly random: Stream;
  private readonly faults: KernelFaults;
  private readonly groups = new Map<number, LogGroup>();

  constructor(host: LogHost, random: Stream, faults: KernelFaults) {
    this.host = host;
    this.random = random;
    this.faults = faults;
  }

  bind(group: number, process: Process): LogGroup {
    if (this.groups.has(group))
      throw new KernelError(
        'EBUSY',
        `log group ${group} is held by another process; stop that one, or choose another dataPlane.firstQueue, whose number the group has`,
      );
    const log = new LogGroup(this.host, this.random, process);
    this.groups.set(group, log);
    process.onEnd(() => {
      if (this.groups.get(group) === log) this.groups.delete(group);
    });
    return log;
  }

  log(group: number, answer: LoggedAnswer): void {
    const log = this.groups.get(group);
    if (log === undefined) return;
    if (this.faults.lossShare > 0 && this.random.chance(this.faults.lossShare))
      log.lose(this.faults.lossTold);
    else log.take(answer);
  }

  clear(): void {
    this.groups.clear();
  }
}

/** The socket of a log group. */
export class LogGroup {
  /** What reads it in the daemon; `lost`: answers were dropped since the last reading. */
  reader: (answers: readonly LoggedAnswer[], lost: boolean) => void = () => {};
  private readonly host: LogHost;
  private readonly random: Stream;
  private readonly process: Process;
  private unread: LoggedAnswer[] = [];
  private overrun = false;
  private waking = false;

  constructor(host: LogHost, random: Stream, process: Process) {
    this.host = host;
    this.random = random;
    this.process = process;
  }

  take(answer: LoggedAnswer): void {
    if (this.unread.length >= ROOM) {
      this.lose(true);
      return;
    }
    this.unread.push(answer);
    this.wake();
  }

  lose(told: boolean): void {
    if (!told) return;
    this.overrun = true;
    this.wake();
  }

  private wake(): void {
    if (this.waking) return;
    this.waking = true;
    this.host.after(this.random.between(WAKE_LEAST_MS, WAKE_MOST_MS), () =>
      this.process.enter(() => {
        this.waking = false;
        const batch = this.unread;
        this.unread = batch.length > BATCH ? batch.splice(BATCH) : [];
        if (this.unread.length > 0) this.wake();
        const lost = this.overrun;
        this.overrun = false;
        this.reader(batch, lost);
      }),
    );
  }
}
