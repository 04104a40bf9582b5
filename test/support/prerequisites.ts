import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
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

/** Something that a test needs and this machine lacks. */
export interface Lack {
  readonly reason: string;
  /** The kernel that runs was built without it: nothing that could be installed would help. */
  readonly ofKernel: boolean;
}

/**
 * Stands for tests that are not made because of that. It shows as skipped and says why; under `CI=true` it is a failure,
 * unless it is the kernel that lacks it.
 */
export function reportLack(title: string, { reason, ofKernel }: Lack): void {
  if (process.env.CI === 'true' && !ofKernel) test(title, (t) => t.fail(`cannot run: ${reason}`));
  else test.skip(`${title} (skipped: ${reason})`, (t) => t.pass());
}

/**
 * The flavours of iptables that are installed and whose tables this kernel has; of the others a test's line tells. Where
 * no kernel test can run these are all, so that the tests made for each of them show as skipped.
 */
export function workingFlavours(): readonly Flavour[] {
  if (missingForKernelTests() !== undefined) return FLAVOURS;
  working ??= FLAVOURS.filter((flavour) => {
    const lack = lackOfFlavour(flavour);
    if (lack !== undefined) reportLack(`tests with ${flavour}`, lack);
    return lack === undefined;
  });
  return working;
}

let working: readonly Flavour[] | undefined;

function lackOfFlavour(flavour: Flavour): Lack | undefined {
  if (!isInstalled(flavour)) {
    return { reason: `${flavour} is not installed; the package iptables brings it`, ofKernel: false };
  }
  const listing = ['--net', flavour, '-w', '-t', 'raw', '-S'];
  const run = spawnSync('unshare', listing, { timeout: 10_000, encoding: 'utf8' });
  if (run.status === 0) return undefined;
  const said = (run.error?.message ?? run.stderr).trim().split('\n')[0] ?? '';
  // The tool asked the kernel to load what it lacks, in vain.
  const ofKernel = /table does not exist|protocol not supported/i.test(run.stderr);
  return { reason: `${flavour} has no raw table in this kernel: ${said}`, ofKernel };
}

/**
 * What keeps frames that a bridge carries from passing iptables. The module is not loaded by tests: it would have an
 * effect on the machine's own bridges.
 */
export function lackOfBridgeNetfilter(): Lack | undefined {
  if (missingForKernelTests() !== undefined || existsSync(BRIDGE_NETFILTER)) return undefined;
  const loadable = works('modprobe', ['--dry-run', 'br_netfilter']);
  return loadable
    ? { reason: 'br_netfilter is not loaded; run "modprobe br_netfilter" as root', ofKernel: false }
    : { reason: 'this kernel has no br_netfilter', ofKernel: true };
}

/** Whether frames that bridges of this namespace carry pass iptables too, as Docker and Kubernetes want it. */
export const BRIDGE_NETFILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

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
