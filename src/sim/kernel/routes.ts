import { inNetwork, type Network, type Route } from '../../core/data-plane/source-address.js';
import type { Address } from '../../core/endpoint.js';
import { KernelError } from '../../ports/kernel-error.js';
import type { Routes } from '../../ports/routes.js';
import type { Process } from '../engine/process.js';
import type { KernelFaults } from './faults.js';

const LOOPBACK: Network = { base: 0x7f000000, prefixLength: 8 };
const LOOPBACK_INTERFACE = 1;
/** The interface of the wire. */
export const WIRE = 2;

/** A host's addresses and routes: its own are local, the rest of the world lies behind one interface. */
export class RoutingTable {
  private readonly main: Address;
  private readonly own: Set<Address>;
  private readonly unreachable: Network[] = [];
  private readonly watchers = new Set<() => void>();

  /** `main` is the address that packets bear which leave by the wire. */
  constructor(main: Address) {
    this.main = main;
    this.own = new Set([main]);
  }

  lookup(destination: Address): Route | undefined {
    if (this.isLocal(destination))
      return { local: true, outInterface: LOOPBACK_INTERFACE, source: destination };
    if (this.unreachable.some((network) => inNetwork(destination, network))) return undefined;
    return { local: false, outInterface: WIRE, source: this.main };
  }

  isLocal(address: Address): boolean {
    return this.own.has(address) || inNetwork(address, LOOPBACK);
  }

  /** Gives the host one more address, or takes it away. */
  setAddress(address: Address, present: boolean): void {
    if (present) this.own.add(address);
    else this.own.delete(address);
    for (const watch of this.watchers) watch();
  }

  /** No route leads there from now on. */
  cutOff(network: Network): void {
    this.unreachable.push(network);
    for (const watch of this.watchers) watch();
  }

  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }
}

/** The `Routes` of one process. */
export class ProcessRoutes implements Routes {
  private readonly table: RoutingTable;
  private readonly process: Process;
  private readonly faults: KernelFaults;
  private changed: (() => void) | undefined;

  constructor(table: RoutingTable, process: Process, faults: KernelFaults) {
    this.table = table;
    this.process = process;
    this.faults = faults;
  }

  lookup(destination: Address): Route | undefined {
    const code = this.faults.take('routes');
    if (code !== undefined) throw new KernelError(code, `routes: looking a route up: ${code}`);
    return this.table.lookup(destination);
  }

  onChange(changed: () => void): void {
    if (this.changed === undefined)
      this.process.onEnd(this.table.watch(() => this.process.enter(() => this.changed?.())));
    this.changed = changed;
  }
}
