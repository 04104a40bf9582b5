import { temporarySetName } from '../core/data-plane/set-names.js';
import { KernelError } from '../ports/kernel-error.js';
import { ipsetSize } from './addon.js';
import { IpsetAddressSet } from './address-set.js';
import { destroyAliveSets } from './alive-set.js';
import { nativeConntrack } from './conntrack.js';
import { Iptables } from './iptables.js';
import { isOurs, removal, setsOfOurs } from './iptables-rules.js';
import { locateTools } from './tools.js';
import { Turns } from './turns.js';

/** What a teardown removed, and what it could not. */
export interface Teardown {
  readonly rules: number;
  readonly sets: readonly string[];
  /** Connections that we had placed; those that still stood are broken now. */
  readonly entries: number;
  /** One line each; empty when nothing is left. */
  readonly faults: readonly string[];
}

/** The default iptables first, then the flavours by name: a daemon may have run while another was the default. */
const IPTABLES = ['iptables', 'iptables-nft', 'iptables-legacy'];

/**
 * Removes whatever a daemon left in this network namespace: its rules, in either flavour of iptables; the set
 * `ipset` and those that its rules name, with what an interrupted replacement left; its connection entries.
 * Goes on past what fails, and tells. Not to be run beside a daemon that lives.
 */
export async function teardown(ipset: string): Promise<Teardown> {
  const faults: string[] = [];
  const rules = await removeRules(faults);
  const sets = await removeSets(new Set([ipset, ...rules.sets]), faults);
  return { rules: rules.count, sets, entries: removeEntries(faults), faults };
}

async function removeRules(
  faults: string[],
): Promise<{ readonly count: number; readonly sets: readonly string[] }> {
  const sets = new Set<string>();
  let count = 0;
  for (const name of IPTABLES) {
    const tools = attempt(() => locateTools(name));
    if (tools instanceof KernelError) {
      // A flavour that is not installed has no rules of ours; the default must be there.
      if (name === IPTABLES[0]) faults.push(tools.message);
      continue;
    }
    const removed = await new Iptables(tools).change((standing) => removal(standing, false));
    if (!removed.ok) {
      faults.push(removed.message);
      continue;
    }
    count += removed.value.filter(isOurs).length;
    for (const set of setsOfOurs(removed.value)) sets.add(set);
  }
  return { count, sets: [...sets] };
}

async function removeSets(names: ReadonlySet<string>, faults: string[]): Promise<readonly string[]> {
  const tools = attempt(() => locateTools());
  if (tools instanceof KernelError) {
    if (!faults.includes(tools.message)) faults.push(tools.message);
    return [];
  }
  const addressSet = new IpsetAddressSet(tools.ipset, new Turns());
  const gone: string[] = [];
  for (const name of names) {
    const standing = attempt(() =>
      [name, temporarySetName(name)].filter((set) => ipsetSize(set) !== undefined),
    );
    if (standing instanceof KernelError) {
      faults.push(standing.message);
      continue;
    }
    await new Promise<void>((resolve) => {
      addressSet.destroy(name, (result) => {
        if (result.ok) gone.push(...standing);
        else faults.push(result.message);
        resolve();
      });
    });
    const alive = await destroyAliveSets(tools.ipset, [name]);
    if (alive.ok) gone.push(...alive.value);
    else faults.push(alive.message);
  }
  return gone;
}

function removeEntries(faults: string[]): number {
  const entries = attempt(() => nativeConntrack().removeAll());
  if (!(entries instanceof KernelError)) return entries;
  faults.push(entries.message);
  return 0;
}

/** What the kernel or a missing tool refuses is a fault to tell of, not the end. */
function attempt<T>(work: () => T): T | KernelError {
  try {
    return work();
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}
