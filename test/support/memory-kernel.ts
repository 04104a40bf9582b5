import type { Kernel } from '../../src/ports/world.js';
import type { ManualTime } from './manual-time.js';
import { MemoryAddressSet } from './memory-kernel/address-set.js';
import { MemoryConntrack } from './memory-kernel/conntrack.js';
import { MemoryFirewall } from './memory-kernel/firewall.js';
import { MemoryQueues } from './memory-kernel/packet-queue.js';
import { MemoryRoutes } from './memory-kernel/routes.js';

/** A host's kernel in memory, over held time: enough of it for the actors, with handles for the test to pull. */
export class MemoryKernel implements Kernel {
  readonly queues: MemoryQueues;
  readonly conntrack: MemoryConntrack;
  readonly routes = new MemoryRoutes();
  readonly addressSet: MemoryAddressSet;
  readonly firewall: MemoryFirewall;

  constructor(time: ManualTime) {
    this.queues = new MemoryQueues(time);
    this.conntrack = new MemoryConntrack(time);
    this.addressSet = new MemoryAddressSet(time);
    this.firewall = new MemoryFirewall(time, this.addressSet);
    this.addressSet.inUse = () => this.firewall.rules.size > 0;
  }
}
