import test from 'ava';
import type { ToolRun } from '../../src/native/tool.js';
import { explainFailure } from '../../src/native/tool-failure.js';

const rows: readonly [title: string, tool: string, run: Partial<ToolRun>, code: string, message: string][] = [
  [
    'a missing iptables names its package',
    '/usr/sbin/iptables-save',
    { failure: 'ENOENT' },
    'ENOENT',
    '/usr/sbin/iptables-save is not installed: apt-get install iptables',
  ],
  [
    'a missing ipset too',
    'ipset',
    { failure: 'ENOENT' },
    'ENOENT',
    'ipset is not installed: apt-get install ipset',
  ],
  ['a tool that hangs', 'ipset', { failure: 'ETIMEDOUT' }, 'ETIMEDOUT', 'ipset did not finish in time'],
  ['a tool that was killed', 'ipset', { failure: 'SIGKILL' }, 'SIGKILL', 'ipset did not run: SIGKILL'],
  [
    'iptables (nf_tables) without privilege',
    'iptables-save',
    {
      stderr:
        'iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n',
    },
    'EPERM',
    'iptables-save needs root or CAP_NET_ADMIN: iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)',
  ],
  [
    'iptables (legacy) whose lock belongs to somebody else',
    'iptables-legacy-restore',
    { stderr: "Fatal: can't open lock file /run/xtables.lock: Permission denied\n" },
    'EACCES',
    "this user may not open /run/xtables.lock, the lock of the legacy iptables (Permission denied); make it readable to a group of the user's as packaging/minuteman.service does, or use the nft flavour, which has no lock",
  ],
  [
    'ipset without privilege',
    'ipset',
    { stderr: 'ipset v7.17: Kernel error received: Operation not permitted\n' },
    'EPERM',
    'ipset needs root or CAP_NET_ADMIN: ipset v7.17: Kernel error received: Operation not permitted',
  ],
  [
    'a lock that somebody keeps',
    'iptables-legacy-restore',
    {
      code: 4,
      stderr:
        "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 1s.\n",
    },
    'EBUSY',
    'iptables-legacy-restore waited in vain: another program holds the xtables lock',
  ],
  [
    'a rule whose set is gone',
    'iptables-restore',
    {
      code: 2,
      stderr: "iptables-restore v1.8.9 (nf_tables): Set vips doesn't exist.\n\nError occurred at line: 2\n",
    },
    'ENOENT',
    "iptables-restore: iptables-restore v1.8.9 (nf_tables): Set vips doesn't exist.",
  ],
  [
    'a set that is gone',
    'ipset',
    { stderr: 'ipset v7.17: Error in line 1: The set with the given name does not exist\n' },
    'ENOENT',
    'ipset: ipset v7.17: Error in line 1: The set with the given name does not exist',
  ],
  [
    'a set that is in use',
    'ipset',
    { stderr: 'ipset v7.17: Set cannot be destroyed: it is in use by a kernel component\n' },
    'EINUSE',
    'ipset: ipset v7.17: Set cannot be destroyed: it is in use by a kernel component',
  ],
  [
    'a set that is full',
    'ipset',
    { stderr: 'ipset v7.17: Error in line 2: Hash is full, cannot add more elements\n' },
    'ENOSPC',
    'ipset: ipset v7.17: Error in line 2: Hash is full, cannot add more elements',
  ],
  [
    'a kernel without a table',
    'iptables-legacy-restore',
    {
      stderr:
        "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'raw'\nError occurred at line: 1\n",
    },
    'ENOSYS',
    "iptables-legacy-restore: the kernel lacks a part (modprobe ip_set_hash_ipport ip_set_hash_net xt_set xt_NFQUEUE xt_NFLOG xt_connmark nf_conntrack): iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'raw'",
  ],
  [
    'a rule that went meanwhile',
    'iptables-restore',
    { stderr: 'iptables-restore: line 2 failed: Bad rule (does a matching rule exist in that chain?).\n' },
    'ETOOL',
    'iptables-restore: iptables-restore: line 2 failed: Bad rule (does a matching rule exist in that chain?).',
  ],
  ['a tool that fails without a word', 'ipset', { code: 9 }, 'ETOOL', 'ipset: exit status 9'],
];

for (const [title, tool, run, code, message] of rows) {
  test(`explained: ${title}`, (t) => {
    const complete: ToolRun = { code: 1, stdout: '', stderr: '', failure: undefined, ...run };
    t.deepEqual(explainFailure(tool, complete), { ok: false, code, message });
  });
}
