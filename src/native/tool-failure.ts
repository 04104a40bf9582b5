import type { FirewallResult } from '../ports/firewall.js';
import type { ToolRun } from './tool.js';

export type Failed = FirewallResult<never> & { readonly ok: false };

/** Which Debian package has a tool, by its first word. */
const PACKAGES: readonly [tool: RegExp, packageName: string][] = [
  [/^ip6?tables/, 'iptables'],
  [/^ipset/, 'ipset'],
  [/^conntrack/, 'conntrack'],
  [/^ip$/, 'iproute2'],
];

export function failed(code: string, message: string): Failed {
  return { ok: false, code, message };
}

/** The error of a tool that is not there: which, and how to get it. */
export function notInstalled(tool: string): Failed {
  const name = tool.replace(/.*\//, '');
  const found = PACKAGES.find(([pattern]) => pattern.test(name));
  return failed('ENOENT', `${tool} is not installed${found ? `: apt-get install ${found[1]}` : ''}`);
}

/** The error of a user who may not open the lock of the legacy iptables, and what makes it work. */
export function lockClosed(file: string, said: string): Failed {
  return failed(
    'EACCES',
    `this user may not open ${file}, the lock of the legacy iptables (${said}); make it readable to a group of the user's as packaging/minuteman.service does, or use the nft flavour, which has no lock`,
  );
}

/**
 * Turns a run of iptables, ipset or conntrack that did not succeed into one line for the operator. `code` is
 * an errno's name where the cause is known (EPERM, EBUSY: somebody holds the xtables lock, ENOENT: no such
 * set, EEXIST, ENOSPC: the set is full, ENOSYS: the kernel lacks a part, ETIMEDOUT), else `ETOOL`.
 */
export function explainFailure(tool: string, run: ToolRun): Failed {
  if (run.failure === 'ENOENT') return notInstalled(tool);
  const said = firstLine(run.stderr) ?? firstLine(run.stdout) ?? `exit status ${run.code}`;
  if (run.failure === 'ETIMEDOUT') return failed('ETIMEDOUT', `${tool} did not finish in time`);
  if (run.failure !== undefined) return failed(run.failure, `${tool} did not run: ${run.failure}`);
  if (/xtables lock|Resource temporarily unavailable/.test(run.stderr))
    return failed('EBUSY', `${tool} waited in vain: another program holds the xtables lock`);
  const lock = /can't open lock file (\S+): (.*)/.exec(run.stderr);
  if (lock !== null) return lockClosed(lock[1]!, lock[2]!);
  if (/you must be root|Permission denied|Operation not permitted/i.test(run.stderr))
    return failed('EPERM', `${tool} needs root or CAP_NET_ADMIN: ${said}`);
  if (
    /Set \S+ doesn't exist|set with the given name does not exist|The sets? .* does not exist/.test(
      run.stderr,
    )
  )
    return failed('ENOENT', `${tool}: ${said}`);
  if (/already exists/.test(run.stderr)) return failed('EEXIST', `${tool}: ${said}`);
  if (/is full/.test(run.stderr)) return failed('ENOSPC', `${tool}: ${said}`);
  if (/is in use|being used/.test(run.stderr)) return failed('EINUSE', `${tool}: ${said}`);
  if (
    /set type not supported|Protocol not supported|Module \S+ not found|can't initialize|unable to initialize|No chain\/target\/match|Couldn't load|missing kernel module|does not exist \(do you need to insmod/i.test(
      run.stderr,
    )
  )
    return failed(
      'ENOSYS',
      `${tool}: the kernel lacks a part (modprobe ip_set_hash_ipport ip_set_hash_net xt_set xt_NFQUEUE xt_NFLOG xt_connmark nf_conntrack): ${said}`,
    );
  return failed('ETOOL', `${tool}: ${said}`);
}

function firstLine(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'));
}
