import { hostname } from 'node:os';
import { teardown } from '../native/teardown.js';
import { claimKernel } from './claim-kernel.js';
import { readConfig } from './config.js';
import { loadConfigOrFail } from './config-file.js';
import { CommandFailure, EXIT_FAILURE } from './failure.js';

/** `minuteman teardown`: answers what to print. Fails while a daemon runs, which would put everything back. */
export async function teardownCommand(configFile: string | undefined): Promise<string> {
  const ipset = ipsetName(configFile);
  const guard = await claimKernel('teardown');
  const { rules, sets, entries, faults } = await teardown(ipset);
  guard.release();
  if (faults.length > 0)
    throw new CommandFailure(EXIT_FAILURE, ...faults.map((fault) => `not removed: ${fault}`));
  return `removed ${rules} rules, ${sets.length} sets and ${entries} connection entries\n`;
}

function ipsetName(configFile: string | undefined): string {
  if (configFile !== undefined) return loadConfigOrFail(configFile).dataPlane.ipset;
  const defaults = readConfig({}, { hostname: hostname(), directory: '/' });
  if (!defaults.ok) throw new Error('the defaults are no valid configuration');
  return defaults.config.dataPlane.ipset;
}
