import type { FirewallResult } from '../ports/firewall.js';
import { runTool } from './tool.js';
import { explainFailure } from './tool-failure.js';

const TIMEOUT_MS = 20_000;

/** Carries out commands in one run of `ipset restore`. The first that fails ends it; those before it stand. */
export async function restoreSets(
  ipset: string,
  commands: readonly string[],
): Promise<FirewallResult<undefined>> {
  const run = await runTool(ipset, ['restore'], { input: `${commands.join('\n')}\n`, timeoutMs: TIMEOUT_MS });
  return run.code === 0 ? { ok: true, value: undefined } : explainFailure('ipset', run);
}
