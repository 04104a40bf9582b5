import type { FirewallResult } from '../ports/firewall.js';
import { parseSave, type StandingRule } from './iptables-rules.js';
import { runTool } from './tool.js';
import { explainFailure } from './tool-failure.js';
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
      const saved = await runTool(this.#tools.iptablesSave, [], { timeoutMs: TIMEOUT_MS });
      if (saved.code !== 0) return explainFailure(this.#tools.iptablesSave, saved);
      const standing = parseSave(saved.stdout);
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
}
