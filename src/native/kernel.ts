import type { Kernel } from '../ports/world.js';
import { IpsetAddressSet } from './address-set.js';
import { CONNTRACK_DEFAULTS, nativeConntrack } from './conntrack.js';
import { IptablesFirewall } from './firewall.js';
import { nativePacketQueues, PACKET_QUEUE_DEFAULTS } from './packet-queue.js';
import { QueueWarden } from './queue-warden.js';
import { nativeRoutes } from './routes.js';
import { locateTools } from './tools.js';
import { Turns } from './turns.js';

export interface KernelOptions {
  /** Another iptables than the default one, e.g. `iptables-legacy`. */
  readonly iptables?: string;
  /** The group that the rules of the plan log to. */
  readonly logGroup?: number;
}

/** The kernel of this host (of this network namespace); `close` lets go of what watches it. */
export interface NativeKernel extends Kernel {
  close(): void;
}

/** Opens everything the data plane needs; throws `KernelError` that says what is missing and how to get it. */
export function nativeKernel(options: KernelOptions = {}): NativeKernel {
  const tools = locateTools(options.iptables);
  const turns = new Turns();
  const warden = new QueueWarden();
  const { logGroup = CONNTRACK_DEFAULTS.logGroup } = options;
  const conntrack = nativeConntrack({ ...CONNTRACK_DEFAULTS, logGroup });
  const routes = nativeRoutes();
  return {
    queues: nativePacketQueues(PACKET_QUEUE_DEFAULTS, warden),
    conntrack,
    routes,
    firewall: new IptablesFirewall(tools, turns, warden),
    addressSet: new IpsetAddressSet(tools.ipset, turns),
    close() {
      conntrack.close();
      routes.close();
    },
  };
}
