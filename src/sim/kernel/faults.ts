import type { Endpoint } from '../../core/endpoint.js';
import type { KernelErrorCode } from '../plan/plan.js';
import type { TableName } from './rules.js';

/** What of a kernel can be made to fail. */
export type FaultyPort =
  | 'conntrack-map'
  | 'conntrack-lookup'
  | 'verdict'
  | 'ipset'
  | 'iptables'
  | 'heartbeat'
  | 'routes';

/** Ends a fault; harmless when it has ended. */
export type Undo = () => void;

/** What faults do to the kernel proper. */
export interface FaultyKernel {
  flushRules(table: TableName | undefined): void;
  spoilSet(how: 'destroyed' | 'emptied' | 'edited'): void;
  fillTable(): Undo;
}

interface Failing {
  readonly code: KernelErrorCode;
  left: number;
}

/** Handles that make a host's kernel fail; see the faults about kernels in src/sim/plan.ts. */
export class KernelFaults {
  /** Share of answers to our handshakes that the log loses, and whether its reader is told. */
  lossShare = 0;
  lossTold = false;
  /** How many packets a queue holds at most. */
  queueLength = Number.POSITIVE_INFINITY;
  /** Milliseconds that each tool takes; undefined: as usual. */
  toolMs: number | undefined;
  private readonly kernel: FaultyKernel;
  private readonly failing = new Map<FaultyPort, Failing>();

  constructor(kernel: FaultyKernel) {
    this.kernel = kernel;
  }

  /** The next `count` requests of the port fail. */
  failRequests(port: FaultyPort, code: KernelErrorCode, count: number): Undo {
    const failing = { code, left: count };
    this.failing.set(port, failing);
    return () => {
      if (this.failing.get(port) === failing) this.failing.delete(port);
    };
  }

  loseEvents(share: number, told: boolean): Undo {
    this.lossShare = share;
    this.lossTold = told;
    return () => {
      this.lossShare = 0;
    };
  }

  limitQueues(length: number): Undo {
    this.queueLength = length;
    return () => {
      this.queueLength = Number.POSITIVE_INFINITY;
    };
  }

  slowTools(tookMs: number): Undo {
    this.toolMs = tookMs;
    return () => {
      this.toolMs = undefined;
    };
  }

  /** Somebody flushes the rules of a table, or all. */
  flushRules(table: TableName | undefined): void {
    this.kernel.flushRules(table);
  }

  /**
   * Somebody empties the sets of VIPs, or edits them (takes one VIP out and puts two addresses of their own in), or
   * destroys them, for which the rules that name them have to go first.
   */
  spoilSet(how: 'destroyed' | 'emptied' | 'edited'): void {
    this.kernel.spoilSet(how);
  }

  /** Others fill the connection table up to its limit. */
  fillConntrack(): Undo {
    return this.kernel.fillTable();
  }

  /** The error of the next request of a port, if it is to fail. */
  take(port: FaultyPort): KernelErrorCode | undefined {
    const failing = this.failing.get(port);
    if (failing === undefined) return undefined;
    failing.left -= 1;
    if (failing.left <= 0) this.failing.delete(port);
    return failing.code;
  }

  clear(): void {
    this.failing.clear();
  }
}

/** Addresses that somebody else puts into a set of VIPs. */
export function strangers(): readonly Endpoint[] {
  // TEST-NET-1 (RFC 5737): nobody's.
  return [1, 2].map((host) => ((0xc0000200 + host) * 65_536 + 80) as Endpoint);
}
