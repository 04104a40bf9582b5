import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Bits of `CapEff` in /proc/self/status, linux/capability.h. */
const CAPABILITIES: readonly [name: string, bit: bigint][] = [
  ['CAP_NET_ADMIN', 12n],
  ['CAP_NET_RAW', 13n],
];

/** Parts of the kernel that may be modules: how to see that one is there. */
const KERNEL_PARTS: readonly { readonly module: string; readonly sign: string; readonly what: string }[] = [
  { module: 'nfnetlink_queue', sign: '/proc/net/netfilter/nfnetlink_queue', what: 'packet queues' },
  { module: 'nfnetlink_log', sign: '/proc/net/netfilter/nfnetlink_log', what: 'packet logs' },
  { module: 'nf_conntrack', sign: '/proc/sys/net/netfilter/nf_conntrack_max', what: 'connection tracking' },
];

/** The host, as far as it decides whether a data plane can work on it. */
export interface Host {
  /** The text of /proc/self/status. */
  processStatus(): string;
  exists(path: string): boolean;
  /** Loads a kernel module; in vain where there is none or it is built in. */
  loadModule(name: string): void;
  /** Throws an error that says what to do when a tool is missing or cannot work for this user. */
  locateTools(): void;
}

/** What keeps the daemon from programming this kernel, one line each with what to do; empty if nothing does. */
export function preflight(host: Host): readonly string[] {
  const missing = missingCapabilities(host.processStatus());
  const faults: string[] = [];
  if (missing.length > 0) {
    faults.push(
      `this process lacks ${missing.join(' and ')}; run it as root, or give it the capabilities as packaging/minuteman.service does`,
    );
  }
  try {
    host.locateTools();
  } catch (error) {
    faults.push((error as Error).message);
  }
  for (const { module, sign, what } of KERNEL_PARTS) {
    if (host.exists(sign)) continue;
    host.loadModule(module);
    if (host.exists(sign)) continue;
    faults.push(
      `this kernel has no ${what} (${module}); run "modprobe ${module}" as root, or boot a kernel that has it`,
    );
  }
  return faults;
}

export function missingCapabilities(processStatus: string): readonly string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(processStatus)?.[1] ?? '0'}`);
  return CAPABILITIES.filter(([, bit]) => ((effective >> bit) & 1n) === 0n).map(([name]) => name);
}

export function thisHost(locateTools: () => void): Host {
  return {
    processStatus: () => readFileSync('/proc/self/status', 'utf8'),
    exists: existsSync,
    loadModule: (name) => {
      // Whether it helped shows at the sign. modprobe is in /sbin, which a user's PATH may lack.
      spawnSync('modprobe', ['-q', name], {
        env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
        timeout: 10_000,
      });
    },
    locateTools,
  };
}
