import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import test, { type ExecutionContext } from 'ava';

const TOOLS = ['ip', 'nsenter', 'iptables', 'iptables-restore', 'iptables-save', 'ipset', 'conntrack'];

/** The two flavours of iptables; either may be the one called `iptables`. */
const FLAVOURS = ['iptables-nft', 'iptables-legacy'] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** Why tests on the real kernel cannot run here, or undefined if they can. */
function missingForKernelTests(): string | undefined {
  missing ??= { reason: findMissing() };
  return missing.reason;
}

/**
 * The flavours of iptables that are installed and whose tables this kernel has. Where no kernel test can run
 * these are all, so that the tests made for each of them show as skipped.
 */
export function workingFlavours(): readonly Flavour[] {
  if (missingForKernelTests() !== undefined) return FLAVOURS;
  return FLAVOURS.filter((flavour) => works('unshare', ['--net', flavour, '-w', '-t', 'raw', '-S']));
}

/**
 * A test that needs the real kernel. Where it cannot run it is skipped and its title says why; under
 * `CI=true` that is a failure, so that a machine that lost a prerequisite does not turn green.
 */
export function kernelTest(title: string, run: (t: ExecutionContext) => Promise<void> | void): void {
  const reason = missingForKernelTests();
  if (reason === undefined) test(title, run);
  else if (process.env.CI === 'true') test(title, (t) => t.fail(`cannot run: ${reason}`));
  else test.skip(`${title} (skipped: ${reason})`, run);
}

/** As `kernelTest`, one after the other within its file. */
export function serialKernelTest(title: string, run: (t: ExecutionContext) => Promise<void> | void): void {
  const reason = missingForKernelTests();
  if (reason === undefined) test.serial(title, run);
  else if (process.env.CI === 'true') test(title, (t) => t.fail(`cannot run: ${reason}`));
  else test.skip(`${title} (skipped: ${reason})`, run);
}

let missing: { readonly reason: string | undefined } | undefined;

function findMissing(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  const absent = TOOLS.filter((tool) => !isInstalled(tool));
  if (absent.length > 0) return `not installed: ${absent.join(', ')}; npm run setup installs them`;
  if (process.getuid?.() !== 0) return 'not root; network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN';
  if (!works('unshare', ['--net', '--uts', 'ip', 'link', 'set', 'lo', 'up']))
    return 'may not make network namespaces (CAP_SYS_ADMIN and CAP_NET_ADMIN are needed)';
  if (!works('unshare', ['--net', 'ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1']))
    return 'the kernel has no veth devices';
  if (!works('unshare', ['--net', 'ipset', 'create', 's', 'hash:ip,port']))
    return 'the kernel has no ip_set hash:ip,port';
  if (!works('unshare', ['--net', 'ipset', 'create', 's', 'hash:net', 'timeout', '3']))
    return 'the kernel has no ip_set hash:net with timeouts';
  if (!works('unshare', ['--net', 'iptables', '-w', '-t', 'raw', '-S']))
    return 'iptables has no raw table here';
  return undefined;
}

function isInstalled(tool: string): boolean {
  return (process.env.PATH ?? '').split(':').some((directory) => {
    try {
      accessSync(`${directory}/${tool}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function works(file: string, args: readonly string[]): boolean {
  return spawnSync(file, args, { timeout: 10_000 }).status === 0;
}
