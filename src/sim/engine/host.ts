import type { Address } from '../../core/endpoint.js';
import type { Engine, Lane } from './engine.js';
import { HostClock } from './host-clock.js';
import type { HostName } from './journal.js';

/** What of a host survives its restart: files by their path. */
export type Disk = Map<string, Uint8Array>;

/** A machine: its name, address, clocks and disk. What runs on it is built around it (see fleet/). */
export class Host {
  readonly name: HostName;
  readonly index: number;
  readonly address: Address;
  readonly lane: Lane;
  readonly clock: HostClock;
  readonly disk: Disk = new Map();
  /** How many faults let nothing be written to it. */
  diskReadOnly = 0;

  /** Hosts are numbered from 0; host 0 is `n1` at 10.99.0.1. */
  constructor(engine: Engine, index: number, name = hostName(index)) {
    this.index = index;
    this.name = name;
    this.address = addressOfHost(index);
    this.lane = engine.lane(this.name);
    this.clock = new HostClock(engine, engine.stream(`${this.name}/uptime`).between(1_000, 1e9));
  }
}

export function hostName(index: number): HostName {
  return `n${index + 1}`;
}

/** 250 hosts a /24, from 10.99.0.1 on. */
export function addressOfHost(index: number): Address {
  return 0x0a630000 + Math.floor(index / 250) * 256 + (index % 250) + 1;
}
