import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { locateTools } from '../../src/native/tools.js';

const rows: readonly [title: string, programs: Record<string, string>, iptables: string, outcome: string][] =
  [
    ['nothing is installed', {}, 'iptables', 'iptables is not installed: apt-get install iptables'],
    [
      'ipset is not installed',
      { iptables: 'v1.8.9 (nf_tables)', 'iptables-save': '', 'iptables-restore': '' },
      'iptables',
      'ipset is not installed: apt-get install ipset',
    ],
    [
      'iptables of the nft flavour',
      { iptables: 'v1.8.9 (nf_tables)', 'iptables-save': '', 'iptables-restore': '', ipset: '' },
      'iptables',
      'nft',
    ],
    [
      'iptables of the legacy flavour',
      { iptables: 'v1.8.9 (legacy)', 'iptables-save': '', 'iptables-restore': '', ipset: '' },
      'iptables',
      'legacy',
    ],
    [
      'iptables from before there were flavours',
      { iptables: 'v1.6.1', 'iptables-save': '', 'iptables-restore': '', ipset: '' },
      'iptables',
      'legacy',
    ],
    [
      'another iptables that is not there',
      { iptables: 'v1.8.9 (nf_tables)', 'iptables-save': '', 'iptables-restore': '', ipset: '' },
      'iptables-legacy',
      'iptables-legacy is not installed: apt-get install iptables',
    ],
  ];

for (const [title, programs, iptables, outcome] of rows) {
  test(`locating tools: ${title}`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tools-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    for (const [name, version] of Object.entries(programs)) {
      writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} ${version}"\n`);
      chmodSync(join(folder, name), 0o755);
    }
    if (outcome.includes('not installed')) {
      t.throws(() => locateTools(iptables, [folder]), {
        name: 'KernelError',
        code: 'ENOENT',
        message: outcome,
      });
    } else {
      t.deepEqual(locateTools(iptables, [folder]), {
        iptablesRestore: join(folder, 'iptables-restore'),
        iptablesSave: join(folder, 'iptables-save'),
        ipset: join(folder, 'ipset'),
        flavour: outcome as 'nft' | 'legacy',
      });
    }
  });
}

test('tools are found where administrators have them, also if PATH lacks those places', (t) => {
  const path = process.env.PATH;
  process.env.PATH = '/usr/bin';
  t.teardown(() => {
    process.env.PATH = path;
  });
  try {
    t.regex(locateTools().ipset, /sbin\/ipset$/);
  } catch (error) {
    t.regex((error as Error).message, /is not installed: apt-get install/);
  }
});
