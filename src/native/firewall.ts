import { whyNoSetName } from '../core/data-plane/set-names.js';
import type { Firewall, FirewallPlan, FirewallResult, RuleName } from '../ports/firewall.js';
import { ipsetSize, legacyTableInfo, nftGeneration } from './addon.js';
import { createSet, SMALLEST_ROOM } from './address-set.js';
import { aliveSetStands, beat, createAliveSet, destroyAliveSets } from './alive-set.js';
import { restoreSets } from './ipset.js';
import { Iptables } from './iptables.js';
import { removal, repair, setsOfOurs, TABLES } from './iptables-rules.js';
import type { QueueWarden } from './queue-warden.js';
import { failed } from './tool-failure.js';
import type { Tools } from './tools.js';
import type { Turns } from './turns.js';

const DONE = { ok: true, value: undefined } as const;

/** The `Firewall` of the real kernel, over iptables of either flavour. */
export class IptablesFirewall implements Firewall {
  #tools: Tools;
  #turns: Turns;
  #warden: QueueWarden;
  #iptables: Iptables;

  constructor(tools: Tools, turns: Turns, warden: QueueWarden) {
    this.#tools = tools;
    this.#turns = turns;
    this.#warden = warden;
    this.#iptables = new Iptables(tools);
  }

  fingerprint(): string {
    if (this.#tools.flavour === 'nft') return `nft ${nftGeneration()}`;
    return TABLES.map((table) => {
      const info = legacyTableInfo(table);
      return `${table} ${info?.entries}/${info?.size}`;
    }).join(' ');
  }

  ensure(plan: FirewallPlan, done: (result: FirewallResult<readonly RuleName[]>) => void): void {
    this.#turns.answer(() => this.#ensure(plan), done);
  }

  remove(plan: FirewallPlan, keepHooks: boolean, done: (result: FirewallResult<void>) => void): void {
    this.#turns.answer(async () => {
      const changed = await this.#iptables.change((standing) => removal(standing, keepHooks));
      if (!changed.ok) return changed;
      const names = new Set([plan.ipset, ...setsOfOurs(changed.value)]);
      const destroyed = await destroyAliveSets(this.#tools.ipset, names);
      return destroyed.ok ? DONE : destroyed;
    }, done);
  }

  heartbeat(plan: FirewallPlan): boolean {
    return whyNoSetName(plan.ipset) === undefined && this.#beat(plan.ipset).ok;
  }

  async #ensure(plan: FirewallPlan): Promise<FirewallResult<readonly RuleName[]>> {
    const reason = whyNoSetName(plan.ipset);
    if (reason !== undefined) return failed('EINVAL', `the set name "${plan.ipset}" ${reason}`);
    const sets = await this.#ensureSets(plan.ipset);
    if (!sets.ok) return sets;
    const wrong = new Set<RuleName>();
    const changed = await this.#iptables.change((standing) => {
      const todo = repair(plan, standing);
      for (const name of todo.wrong) wrong.add(name);
      return todo.script;
    });
    if (!changed.ok) return changed;
    // That may have waited for the lock.
    const alive = this.#beat(plan.ipset);
    return alive.ok ? { ok: true, value: [...wrong] } : alive;
  }

  /** Tells the rules, and the warden of what they queued. */
  #beat(list: string): FirewallResult<void> {
    this.#warden.beat();
    return beat(list);
  }

  /** A rule cannot name a set that does not stand. The VIPs are for others to fill in. */
  async #ensureSets(name: string): Promise<FirewallResult<void>> {
    const commands: string[] = [];
    if (ipsetSize(name) === undefined) commands.push(createSet(name, SMALLEST_ROOM));
    if (!aliveSetStands(name)) commands.push(createAliveSet(name));
    const made = commands.length === 0 ? DONE : await restoreSets(this.#tools.ipset, commands);
    // A set of somebody else's by that name does not take it; then no rule of ours will name it.
    return made.ok ? this.#beat(name) : made;
  }
}
