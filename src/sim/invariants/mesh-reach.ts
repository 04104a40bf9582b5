import type { AdjacencyRecord } from '../../core/cluster/record.js';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import { DAEMON_TROUBLE, NETWORK_TROUBLE } from './disturbances.js';
import { Lasting, type Member } from './mesh-eyes.js';
import { meshInvariant } from './mesh-invariant.js';

const BACK_WITHIN_MS = 5_000;

export const liveReachable = meshInvariant(
  'live-reachable',
  'a member to which links lead is reachable for everybody within 5 s, whatever lies are told of it',
  (mesh, verdicts) => {
    const lasting = new Lasting();
    /** When somebody came back for somebody: who is lied about all the time comes and goes between two looks. */
    const backMs = new Map<string, number>();
    mesh.onSample(() => {
      const { nowMs } = mesh;
      const pieces = mesh.pieces();
      for (const { name, at, host, cluster } of mesh.observers()) {
        for (const other of mesh.members()) {
          const missed = pieces.get(other.at) === pieces.get(at) && !cluster.reachability.has(other.at);
          const forMs = lasting.note(`${name} ${host.startedMs} ${other.name}`, missed, nowMs);
          if (forMs <= BACK_WITHIN_MS || mesh.calmMs <= BACK_WITHIN_MS) continue;
          if (nowMs - (backMs.get(`${name} ${other.name}`) ?? 0) <= BACK_WITHIN_MS) continue;
          verdicts.broken(`${other.name} has been there for ${forMs} ms, and cannot be reached`, name);
        }
      }
    });
    return {
      hears: ['log'],
      happened: (news, atMs) => {
        if (news.kind !== 'log' || news.event !== 'node-reachable') return;
        const who = mesh.nameAt(parseEndpoint(String(news.fields?.['endpoint']))!);
        backMs.set(`${news.host} ${who}`, atMs);
      },
    };
  },
);

/** A neighbour is missed within 1.6 s at the worst, one that reads nothing any more a moment later. */
const GONE_WITHIN_MS = 2_000;
/** When many die at once, who is left finds out more slowly. */
const MANY_GONE_WITHIN_MS = 6_000;
const MANY = 0.2;

export const deadUnreachable = meshInvariant(
  'dead-unreachable',
  'a member that ended or stands still is unreachable for everybody after 2 s, or 6 s when many end at once',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    mesh.onSample(() => {
      const { nowMs, honestMs } = mesh;
      const gone = [...eyes.hosts.values()].filter(({ state }) => state === 'ended' || state === 'paused');
      const recent = gone.filter(({ turnedMs }) => nowMs - turnedMs < honestMs + MANY_GONE_WITHIN_MS);
      const mostMs = recent.length > MANY * eyes.hosts.size ? MANY_GONE_WITHIN_MS : GONE_WITHIN_MS;
      if (honestMs < mostMs) return;
      for (const { name, cluster } of mesh.observers()) {
        for (const dead of gone) {
          if (nowMs - dead.turnedMs < mostMs || !cluster.reachability.has(mesh.endpointOf(dead.name)))
            continue;
          const forMs = Math.round(nowMs - dead.turnedMs);
          verdicts.broken(`${dead.name} has been gone for ${forMs} ms, and can be reached`, name);
        }
      }
    });
    return {};
  },
);

/** A time-out, a grace and a rumour. */
const JUDGED_MS = 4_000;
/** A machine that stands still for so long is no dead one. */
const PAUSE_MS = 300;

export const noFalseDeath = meshInvariant(
  'no-false-death',
  'nobody who runs is taken for dead while no packet is lost and nothing stands still for longer than 300 ms',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    const short = (index: number) => eyes.fleet.plan.faults[index]!.durationMs <= PAUSE_MS;
    /** When each host was last troubled by more than a short pause. */
    const troubledMs = new Map<HostName, number>();
    let escalatedMs = Number.NEGATIVE_INFINITY;
    return {
      hears: ['fault', 'daemon', 'log'],
      happened: (news, atMs) => {
        if (news.kind === 'fault') {
          const { fault } = eyes.fleet.plan.faults[news.index]!;
          if (!('host' in fault) || !(DAEMON_TROUBLE as readonly string[]).includes(fault.kind)) return;
          const pause = fault.kind === 'host-paused' || fault.kind === 'daemon-paused';
          if (pause && short(news.index)) verdicts.sometimes('a machine stood still for a moment');
          else troubledMs.set(fault.host, news.phase === 'begins' ? Number.POSITIVE_INFINITY : atMs);
        }
        if (news.kind === 'daemon' && (news.state === 'started' || news.state === 'gave-up'))
          troubledMs.set(news.host, Math.max(atMs, troubledMs.get(news.host) ?? 0));
        if (news.kind !== 'log') return;
        if (news.event === 'supervisor-escalated') escalatedMs = atMs;
        if (news.event !== 'node-unreachable' || news.level !== 'warn') return;
        const who = mesh.nameAt(parseEndpoint(String(news.fields?.['endpoint']))!);
        if (who === undefined) return;
        const victim = eyes.host(who);
        if (victim.state !== 'running' || victim.daemon?.stopping === true) return;
        const sinceMs = atMs - JUDGED_MS;
        if (mesh.lieMs > sinceMs || escalatedMs > sinceMs) return;
        if (eyes.disturbances.between(sinceMs, atMs, [...NETWORK_TROUBLE, 'slow-cpu'])) return;
        const troubled = [...troubledMs].filter(([, ms]) => ms > sinceMs).map(([name]) => name);
        // One other that ends takes nobody along.
        if (troubled.includes(who) || troubled.includes(news.host) || troubled.length > 1) return;
        if (mesh.isOutcast(who) || mesh.isOutcast(news.host)) return;
        if (eyes.host(news.host).startedMs > sinceMs || victim.startedMs > sinceMs) return;
        verdicts.broken(`takes ${who} for gone, which runs`, news.host);
      },
    };
  },
);

const LEAVES_WITHIN_MS = 3_000;

export const leaveIsNoDeath = meshInvariant(
  'leave-is-no-death',
  'who leaves in good order is never taken for dead',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    return {
      hears: ['log'],
      happened: (news, atMs) => {
        if (news.kind !== 'log' || news.event !== 'node-unreachable') return;
        const at = parseEndpoint(String(news.fields?.['endpoint']))!;
        const who = mesh.nameAt(at);
        const cluster = eyes.host(news.host).daemon?.node.cluster;
        if (who === undefined || cluster === undefined) return;
        const { daemon, state, turnedMs } = eyes.host(who);
        if (daemon?.stopping !== true || (state === 'ended' && atMs - turnedMs > LEAVES_WITHIN_MS)) return;
        const left = cluster.table.get(at)?.adjacency?.record.left === true;
        if (left) verdicts.sometimes('a member left in good order');
        const sinceMs = atMs - LEAVES_WITHIN_MS;
        const others = DAEMON_TROUBLE.filter((trouble) => trouble !== 'daemon-stopped');
        const { disturbances } = eyes;
        if (left || mesh.lieMs > sinceMs || disturbances.between(sinceMs, atMs, NETWORK_TROUBLE)) return;
        if (disturbances.between(sinceMs, atMs, others)) return;
        if (eyes.host(who).lastCrashMs > sinceMs || eyes.host(who).startedMs > sinceMs) return;
        verdicts.broken(`takes ${who} for dead, which left`, news.host);
      },
    };
  },
);

export const treeAsSearched = meshInvariant(
  'tree-as-searched',
  'the tree of who can be reached, and how, is the one that a search over the table finds',
  (mesh, verdicts) => {
    mesh.onSample(() => {
      const member = mesh.next();
      if (member === undefined) return;
      const fault = treeFault(member);
      if (fault !== undefined) verdicts.broken(fault, member.name);
    });
    return {};
  },
);

/** How a member's tree differs from a search of its table, by somebody who knows no increments. */
export function treeFault({ at, cluster }: Member): string | undefined {
  const { reachability, table } = cluster;
  const said = new Map<Endpoint, AdjacencyRecord>();
  for (const [origin, { adjacency }] of table.entries())
    if (adjacency !== undefined && !adjacency.record.left) said.set(origin, adjacency.record);
  const dead = new Set<Endpoint>();
  for (const [one, { neighbours, epoch, counter }] of said) {
    const witnesses = neighbours.filter((other) => {
      const record = said.get(other);
      const death = record?.died.find(({ node }) => node === one);
      if (death === undefined || record!.neighbours.includes(one)) return false;
      return death.epoch > epoch || (death.epoch === epoch && death.counter >= counter);
    });
    if (one !== at && witnesses.length > 0 && witnesses.length >= (neighbours.length * 2) / 3) dead.add(one);
  }
  const lists = (one: Endpoint, other: Endpoint): boolean =>
    said.get(one)?.neighbours.includes(other) === true;
  const mutual = (one: Endpoint): Endpoint[] =>
    (said.get(one)?.neighbours ?? []).filter(
      (other) => lists(other, one) && !dead.has(one) && !dead.has(other),
    );
  const found = new Map<Endpoint, number>([[at, 0]]);
  // A map is walked in the order of entry, and so the near ones come before the far ones.
  for (const [one, distance] of found)
    for (const other of mutual(one)) if (!found.has(other)) found.set(other, distance + 1);
  if (found.size !== reachability.size)
    return `${reachability.size} can be reached, and a search finds ${found.size}`;
  for (const [other, distance] of found) {
    const name = formatEndpoint(other);
    const own = reachability.distance(other);
    if (own !== distance) return `${name} is ${own} links away, and a search finds ${distance}`;
    const before = mutual(other).filter((one) => found.get(one) === distance - 1);
    if (before.length > 0 && reachability.parent(other) !== Math.min(...before))
      return `the way to ${name} does not come by the smallest of those before it`;
  }
  return undefined;
}
