import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { RuleReadings } from '../../src/native/firewall.js';
import type { SetReadings } from '../../src/native/ipset.js';

/** Readings by running the tools inside a namespace of the test bed. */
export function toolReadings(prefix: readonly string[]): RuleReadings & SetReadings {
  const run = (args: readonly string[]) => {
    const [file, ...rest] = [...prefix, ...args];
    return spawnSync(file!, rest, { encoding: 'utf8' });
  };
  return {
    nftGeneration: () =>
      Number.parseInt(
        createHash('sha1')
          .update(run(['iptables-nft-save']).stdout.replace(/^#.*$/gm, ''))
          .digest('hex')
          .slice(0, 8),
        16,
      ),
    legacyTableInfo: (table) => run(['iptables-legacy', '-t', table, '-S']).stdout,
    ipsetSize: (name) => {
      const entries = /Number of entries: (\d+)/.exec(run(['ipset', 'list', '-t', name]).stdout)?.[1];
      return entries === undefined ? undefined : Number(entries);
    },
  };
}
