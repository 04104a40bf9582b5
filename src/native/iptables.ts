import type { FirewallResult } from '../ports/firewall.js';
import { parseSave, type StandingRule, TABLES } from './iptables-rules.js';
import { runTool, type ToolRun } from './tool.js';
import { explainFailure, type Failed } from './tool-failure.js';
import type { Tools } from './tools.js';

const LOCK_WAIT_SECONDS = 5;
const TIMEOUT_MS = 1_000 * LOCK_WAIT_SECONDS + 10_000;
/** Somebody may change the rules between our reading and our writing; then we read again. */
const ATTEMPTS = 3;

/** The rules of this namespace as one flavour of iptables shows and changes them. */
export class Iptables {
  #tools: Tools;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /**
   * Reads the rules that stand, asks `work` for what to feed `iptables-restore --noflush`, and does it: one
   * run, under the xtables lock, each table changed at once or not at all. Begins anew when the rules changed
   * meanwhile so that the script did not fit. Answers the rules as they were read.
   */
  async change(
    work: (standing: readonly StandingRule[]) => string,
  ): Promise<FirewallResult<readonly StandingRule[]>> {
    for (let attempt = 1; ; attempt++) {
      const standing = await this.#read();
      if ('ok' in standing) return standing;
      const script = work(standing);
      if (script === '') return { ok: true, value: standing };
      const restored = await runTool(
        this.#tools.iptablesRestore,
        ['--noflush', '--wait', String(LOCK_WAIT_SECONDS)],
        { input: script, timeoutMs: TIMEOUT_MS },
      );
      if (restored.code === 0) return { ok: true, value: standing };
      const failure = explainFailure(this.#tools.iptablesRestore, restored);
      if (failure.code !== 'ETOOL' || attempt === ATTEMPTS) return failure;
    }
  }

  async #read(): Promise<readonly StandingRule[] | Failed> {
    const all = await this.#save([]);
    if (all.code === 0) return parseSave(all.stdout);
    // The kernel lists the legacy tables to user 0 only. Whoever names a table may read it; one that nobody uses
    // is made, empty, by being asked for, so this is not what everybody does.
    if (!/ip_tables_names/.test(all.stderr)) return explainFailure(this.#tools.iptablesSave, all);
    const standing: StandingRule[] = [];
    for (const table of TABLES) {
      const one = await this.#save(['-t', table]);
      if (one.code !== 0) return explainFailure(this.#tools.iptablesSave, one);
      standing.push(...parseSave(one.stdout));
    }
    return standing;
  }

  #save(args: readonly string[]): Promise<ToolRun> {
    return runTool(this.#tools.iptablesSave, args, { timeoutMs: TIMEOUT_MS });
  }
}
