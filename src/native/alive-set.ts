import { constants } from 'node:os';
import { aliveSetName } from '../core/data-plane/set-names.js';
import type { FirewallResult } from '../ports/firewall.js';
import { ipsetSize, renewIpset } from './addon.js';
import { restoreSets } from './ipset.js';
import { failed } from './tool-failure.js';

/** How long the daemon may be silent until SYNs are refused at once and no longer queued for it. */
export const ALIVE_SECONDS = 3;

const { EPERM, ENOENT } = constants.errno;

/*
 * The set by which the rules know that the daemon is alive: it holds every address, with a timeout. A set of its
 * own, since the entries of the VIP set come and go with their sources; and a set rather than the `recent` match,
 * since the kernel lets anybody with CAP_NET_ADMIN renew it, and only user 0 write to a `recent` list.
 */

/** The command that makes the one that belongs to the VIP set `name`, empty: nobody is alive yet. */
export function createAliveSet(name: string): string {
  return `create ${aliveSetName(name)} hash:net family inet hashsize 64 maxelem 1024 timeout ${ALIVE_SECONDS}`;
}

export function aliveSetStands(name: string): boolean {
  return ipsetSize(aliveSetName(name)) !== undefined;
}

/** Says that the daemon of the VIP set `name` is alive. Two entries in one exchange with the kernel. */
export function beat(name: string): FirewallResult<void> {
  const set = aliveSetName(name);
  const error = renewIpset(set, ALIVE_SECONDS);
  if (error === 0) return { ok: true, value: undefined };
  const what = `cannot say that the daemon is alive: the set ${set}`;
  if (error === ENOENT) return failed('ENOENT', `${what} is gone`);
  if (error === EPERM) return failed('EPERM', `${what} may be renewed with CAP_NET_ADMIN only`);
  const remedy = `run "ipset destroy ${set}", or choose another dataPlane.ipset`;
  return failed('EINVAL', `${what} is none of ours (error ${error}); ${remedy}`);
}

/** Takes away those that belong to the VIP sets `names`; answers which stood. No rule may name them any more. */
export async function destroyAliveSets(
  ipset: string,
  names: Iterable<string>,
): Promise<FirewallResult<readonly string[]>> {
  const standing = [...names].filter(aliveSetStands).map(aliveSetName);
  if (standing.length === 0) return { ok: true, value: [] };
  const destroyed = await restoreSets(
    ipset,
    standing.map((set) => `destroy ${set}`),
  );
  return destroyed.ok ? { ok: true, value: standing } : destroyed;
}
