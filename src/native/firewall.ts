import { writeFileSync } from 'node:fs';
import type { Firewall, FirewallPlan, FirewallResult, RuleName } from '../ports/firewall.js';
import { ipsetSize, legacyTableInfo, nftGeneration } from './addon.js';
import { createSet, SMALLEST_ROOM } from './address-set.js';
import { restoreSets } from './ipset.js';
import { parseSave, removal, repair, type StandingRule } from './iptables-rules.js';
import { whyNoSetName } from './set-names.js';
import { runTool } from './tool.js';
import { explainFailure, failed } from './tool-failure.js';
import type { Tools } from './tools.js';
import type { Turns } from './turns.js';

const TABLES = ['raw', 'filter', 'nat'];
const LOCK_WAIT_SECONDS = 5;
const TIMEOUT_MS = 1_000 * LOCK_WAIT_SECONDS + 10_000;
/** Somebody may change the rules between our reading and our writing; then we read again. */
const ATTEMPTS = 3;
const DONE = { ok: true, value: undefined } as const;

/** The `Firewall` of the real kernel, over iptables of either flavour. */
export class IptablesFirewall implements Firewall {
  #tools: Tools;
  #turns: Turns;

  constructor(tools: Tools, turns: Turns) {
    this.#tools = tools;
    this.#turns = turns;
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

  remove(_plan: FirewallPlan, keepHooks: boolean, done: (result: FirewallResult<void>) => void): void {
    this.#turns.answer(() => this.#remove(keepHooks), done);
  }

  heartbeat(plan: FirewallPlan): boolean {
    return whyNoSetName(plan.ipset) === undefined && beat(plan.ipset).ok;
  }

  async #ensure(plan: FirewallPlan): Promise<FirewallResult<readonly RuleName[]>> {
    const reason = whyNoSetName(plan.ipset);
    if (reason !== undefined) return failed('EINVAL', `the set name "${plan.ipset}" ${reason}`);
    const set = await this.#ensureSet(plan.ipset);
    if (!set.ok) return set;
    const wrong = new Set<RuleName>();
    return this.#attempt(async (standing) => {
      const todo = repair(plan, standing);
      for (const name of todo.wrong) wrong.add(name);
      const restored = await this.#restore(todo.script);
      if (!restored.ok) return restored;
      const alive = beat(plan.ipset);
      return alive.ok ? { ok: true, value: [...wrong] } : alive;
    });
  }

  /** A rule cannot name a set that does not stand. The VIPs are for others to fill in. */
  async #ensureSet(name: string): Promise<FirewallResult<void>> {
    if (ipsetSize(name) !== undefined) return DONE;
    return restoreSets(this.#tools.ipset, [createSet(name, SMALLEST_ROOM)]);
  }

  #remove(keepHooks: boolean): Promise<FirewallResult<void>> {
    return this.#attempt((standing) => this.#restore(removal(standing, keepHooks)));
  }

  /** Reads what stands and works on it, anew if it changed meanwhile so that the work failed. */
  async #attempt<T>(
    work: (standing: readonly StandingRule[]) => Promise<FirewallResult<T>>,
  ): Promise<FirewallResult<T>> {
    for (let attempt = 1; ; attempt++) {
      const saved = await runTool(this.#tools.iptablesSave, [], { timeoutMs: TIMEOUT_MS });
      if (saved.code !== 0) return explainFailure(this.#tools.iptablesSave, saved);
      const result = await work(parseSave(saved.stdout));
      if (result.ok || result.code !== 'ETOOL' || attempt === ATTEMPTS) return result;
    }
  }

  async #restore(script: string): Promise<FirewallResult<void>> {
    if (script === '') return DONE;
    const args = ['--noflush', '--wait', String(LOCK_WAIT_SECONDS)];
    const run = await runTool(this.#tools.iptablesRestore, args, { input: script, timeoutMs: TIMEOUT_MS });
    return run.code === 0 ? DONE : explainFailure(this.#tools.iptablesRestore, run);
  }
}

/** Writes to the `recent` list that the intercepting rules ask. Without it they intercept nothing. */
function beat(list: string): FirewallResult<void> {
  const file = `/proc/net/xt_recent/${list}`;
  try {
    writeFileSync(file, '+0.0.0.0\n');
    return DONE;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    return failed(code, `cannot say that the daemon is alive: ${file}: ${code}; it must be writable`);
  }
}
