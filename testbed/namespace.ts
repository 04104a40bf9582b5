import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { runTool } from '../src/native/tool.js';
import { ip, ipBatch } from './ip.js';

/** A network namespace of ours, and the UTS namespace that gives it a host name. */
export interface Namespace {
  /** As `ip netns list` shows it. */
  readonly name: string;
}

const NET = '/run/netns';
const UTS = '/run/minuteman-testbed';

/** Arguments for `nsenter` that run a program in the namespace; the program keeps nsenter's pid. */
export function enter(namespace: Namespace, file: string, args: readonly string[]): string[] {
  return [`--net=${NET}/${namespace.name}`, `--uts=${UTS}/${namespace.name}`, '--', file, ...args];
}

/**
 * Makes a namespace with its loopback up. Reverse-path filtering is loose and IPv6 off, so that nothing
 * but the test's own traffic is on the wires.
 */
export async function createNamespace(name: string, hostname: string): Promise<Namespace> {
  mkdirSync(UTS, { recursive: true });
  closeSync(openSync(`${UTS}/${name}`, 'w'));
  await ip(['netns', 'add', name]);
  const named = await runTool('unshare', [`--uts=${UTS}/${name}`, 'hostname', hostname]);
  if (named.code !== 0) throw new Error(`unshare --uts: ${named.failure ?? named.stderr}`);
  await ipBatch(['link set lo up'], name);
  const settings = [
    'net/ipv4/conf/all/rp_filter=2',
    'net/ipv4/conf/all/send_redirects=0',
    'net/ipv4/conf/default/send_redirects=0',
    'net/ipv6/conf/all/disable_ipv6=1',
    'net/ipv6/conf/default/disable_ipv6=1',
  ];
  const writes = settings.map(
    (setting) => `echo ${setting.replace(/.*=/, '')} > /proc/sys/${setting.replace(/=.*/, '')}`,
  );
  await runTool('nsenter', enter({ name }, 'sh', ['-c', writes.join('; ')]));
  return { name };
}

/**
 * Kills whatever still runs in a namespace and deletes it. Synchronous, so that it also works while the
 * process exits; harmless when there is none.
 */
export function removeNamespace(name: string): void {
  for (const pid of pidsIn(name)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended between the listing and the signal.
    }
  }
  if (existsSync(`${NET}/${name}`)) spawnSync('ip', ['netns', 'del', name]);
  if (existsSync(`${UTS}/${name}`)) {
    spawnSync('umount', [`${UTS}/${name}`]);
    rmSync(`${UTS}/${name}`, { force: true });
  }
}

/** The names of all namespaces that begin with `prefix`. */
export function listNamespaces(prefix: string): string[] {
  const names = new Set<string>();
  for (const place of [NET, UTS]) {
    if (!existsSync(place)) continue;
    for (const name of readdirSync(place)) if (name.startsWith(prefix)) names.add(name);
  }
  return [...names].sort();
}

function pidsIn(name: string): number[] {
  if (!existsSync(`${NET}/${name}`)) return [];
  const listing = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  return listing.stdout.split('\n').filter(Boolean).map(Number);
}
