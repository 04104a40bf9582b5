import type { Endpoint } from '../../core/endpoint.js';
import type { RuleName } from '../../ports/firewall.js';
import type { Entry } from '../kernel/conntrack-table.js';
import type { HostKernel } from '../kernel/host-kernel.js';

/** An entry of the connection table, to look at and not to be kept: the kernel goes on changing its own. */
export type EntrySight = Readonly<Entry>;

/** The set of VIPs as the settings name it. */
export const SET_NAME = 'minuteman';

/** What invariants look at in a host's kernel; looking changes nothing there. */
export class KernelEyes {
  private readonly kernel: HostKernel;

  constructor(kernel: HostKernel) {
    this.kernel = kernel;
  }

  /** The flow's own entry, not one whose replies look like it. */
  entryOf(client: Endpoint, vip: Endpoint): EntrySight | undefined {
    const entry = this.kernel.conntrack.peek(client, vip);
    if (entry?.client !== client || entry.vip !== vip) return undefined;
    return entry;
  }

  entries(): readonly EntrySight[] {
    return this.kernel.entries();
  }

  /** The set of VIPs, or undefined if there is none. */
  members(): ReadonlySet<Endpoint> | undefined {
    return this.kernel.setMembers(SET_NAME);
  }

  /** How often each of our rules stands. */
  rules(): ReadonlyMap<RuleName, number> {
    const counts = new Map<RuleName, number>();
    for (const { name } of this.kernel.standingRules()) {
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }
}
