import { ENTRY_STATES, type EntryState } from '../../core/data-plane/existing-entry.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { RuleName } from '../../ports/firewall.js';
import type { Entry } from '../kernel/conntrack-table.js';
import type { HostKernel } from '../kernel/host-kernel.js';

/** An entry of the connection table, to look at. */
export interface EntrySight {
  readonly client: Endpoint;
  readonly vip: Endpoint;
  /** Where replies come from. */
  readonly backend: Endpoint;
  /** Whom they go to: the source as the backend sees it. */
  readonly seen: Endpoint;
  readonly state: EntryState;
  readonly ours: boolean;
}

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
    return sightOf(entry);
  }

  *entries(): Iterable<EntrySight> {
    for (const entry of this.kernel.entries()) yield sightOf(entry);
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

/** A copy, since the kernel goes on changing its own. */
function sightOf({ client, vip, backend, seen, state, ours }: Entry): EntrySight {
  return { client, vip, backend, seen, state: ENTRY_STATES[state]!, ours };
}
