import type { VipTableMessage } from '../../actors/vips/vip-table.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import { DAEMON_TROUBLE, NETWORK_TROUBLE, type Trouble } from './disturbances.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';
import { digestOf } from './learned-vips.js';

/** A poll every 5 s (a tenth later at most), and an answer that may be 5 s old; of a file, its roll-out and a poll. */
const EVERYWHERE_MS = { 'mesos-master': 11_000, file: 6_500 } as const;
/** An answer may have been written so long before it is taken. */
const SERVED_MOST_MS = 16_000;

const MASTER_TROUBLE: readonly Trouble[] = [
  'master/down',
  'master/hanging',
  'master/late',
  'master/dripping',
  'master/error-500',
  'master/truncated',
  'master/garbage',
  'master/empty',
  'master/stale',
  'master/standby',
  'master/fail-over',
];

/** After one of these a table may for a while hold what no single document said: agents that are awaited. */
const HOLDING: readonly Trouble[] = ['master/fail-over', 'master/standby', 'master/empty', 'master/stale'];

/** The truth's versions by the digests of their contents. */
class Versions {
  private readonly eyes: Eyes;
  /** The last version of each content. */
  private readonly latest = new Map<number, number>();
  private read = 0;

  constructor(eyes: Eyes) {
    this.eyes = eyes;
  }

  /** The latest version with that content; undefined if there was none. */
  latestOf(digest: number): number | undefined {
    const { history } = this.eyes.fleet.orchestrator;
    for (; this.read < history.length; this.read += 1) {
      const { version, vips } = history[this.read]!;
      this.latest.set(digestOf(vips), version);
    }
    return this.latest.get(digest);
  }
}

const versions = new WeakMap<Eyes, Versions>();

function versionsOf(eyes: Eyes): Versions {
  let known = versions.get(eyes);
  if (known === undefined) {
    known = new Versions(eyes);
    versions.set(eyes, known);
  }
  return known;
}

export const tableAsServed: Invariant = {
  name: 'table-as-served',
  promise:
    'what a daemon knows of VIPs is one of the states that the orchestrator was in, and never an older one than before',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const reached = new Map<HostEyes, { readonly life: unknown; version: number }>();
    eyes.onMessage('vip-table', 'after', ({ host, message }) => {
      if ((message as VipTableMessage).kind !== 'read' || host.learned.changedMs !== eyes.nowMs) return;
      const version = versionsOf(eyes).latestOf(host.learned.digest);
      const known = reached.get(host);
      const same = known !== undefined && known.life === host.daemon;
      const former = same ? known : { life: host.daemon, version: 0 };
      reached.set(host, former);
      if (version === undefined) {
        if (eyes.disturbances.between(0, eyes.nowMs, HOLDING) && isExplained(eyes, host)) {
          verdicts.sometimes('a table held what a new master does not know yet');
          return;
        }
        verdicts.broken('its VIPs are in no state that there ever was', host.name);
        return;
      }
      if (version < former.version) {
        verdicts.broken(`went back from version ${former.version} of the VIPs to ${version}`, host.name);
      }
      former.version = Math.max(former.version, version);
    });
    return {};
  },
};

/** The longest that an agent takes to register with a new master. */
const REGISTERED_MOST_MS = 135_000;

/** Whether a new master spoke since `fromMs` that did not know all agents: what their tasks do, nobody can know. */
function agentsAwaited(eyes: Eyes, fromMs: number): boolean {
  const { master, machines } = eyes.fleet;
  if (master === undefined) return false;
  if (!eyes.disturbances.between(eyes.nowMs - REGISTERED_MOST_MS, eyes.nowMs, HOLDING)) return false;
  return master.served
    .slice(-DOCUMENTS_OF_LATE)
    .some(
      ({ builtMs, registered }) => builtMs >= fromMs - SERVED_MOST_MS && registered.size < machines.length,
    );
}

/** Whether a daemon keeps backends of a VIP that are gone, because their agents may come back. */
export function keepsAwaited(eyes: Eyes, host: HostEyes, vip: Endpoint): boolean {
  if (!eyes.disturbances.between(0, eyes.nowMs, HOLDING)) return false;
  const truth = eyes.fleet.orchestrator.vips.get(vip);
  return [...(host.learned.vips.get(vip) ?? [])].some((backend) => !truth?.has(backend));
}

/** How many of the last documents a daemon may have read last. */
const DOCUMENTS_OF_LATE = 20;

/** Whether some document of late says all that is known, but for agents that are not registered in it. */
function isExplained(eyes: Eyes, host: HostEyes): boolean {
  const { vips } = host.learned;
  const served = eyes.fleet.master?.served ?? [];
  return served.slice(-DOCUMENTS_OF_LATE).some((document) => {
    for (const [vip, backends] of document.vips) {
      for (const backend of backends) if (!vips.get(vip)?.has(backend)) return false;
    }
    for (const [vip, backends] of vips) {
      for (const backend of backends) {
        if (document.vips.get(vip)?.has(backend)) continue;
        const at = eyes.hostAt(backend);
        if (at === undefined || document.registered.has(at)) return false;
      }
    }
    return true;
  });
}

export const noVipLost: Invariant = {
  name: 'no-vip-lost',
  promise:
    'a VIP leaves a table only if it was not desired at some time of late: no error of a source takes one away',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const known = new Map<HostEyes, { readonly life: unknown; vips: Set<Endpoint> }>();
    eyes.onMessage('vip-table', 'after', ({ host, message }) => {
      const { kind } = message as VipTableMessage;
      if (kind === 'failed') verdicts.sometimes('a source failed');
      if (kind !== 'read' || host.learned.changedMs !== eyes.nowMs) return;
      const former = known.get(host);
      const vips = new Set(host.learned.vips.keys());
      known.set(host, { life: host.daemon, vips });
      if (former === undefined || former.life !== host.daemon) return;
      for (const vip of former.vips) {
        if (vips.has(vip) || wasAbsent(eyes, vip)) continue;
        verdicts.broken(`${formatEndpoint(vip)} is gone, and was desired all the time`, host.name);
        return;
      }
    });
    return {};
  },
};

function wasAbsent(eyes: Eyes, vip: Endpoint): boolean {
  const { history } = eyes.fleet.orchestrator;
  for (let at = history.length - 1; at >= 0; at -= 1) {
    const { atMs, vips } = history[at]!;
    if (!vips.has(vip)) return true;
    if (atMs < eyes.nowMs - SERVED_MOST_MS) return false;
  }
  return false;
}

export const directoryFollows: Invariant = {
  name: 'directory-follows',
  promise: 'as soon as the sources told of a change, the balancers have exactly those VIPs and backends',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    eyes.onMessage('vip-table', 'after', ({ host, message }) => {
      const news = message as VipTableMessage;
      if (news.kind !== 'read' && news.kind !== 'failed') return;
      if (host.learned.readWell.size < host.sources) return;
      const touched =
        news.kind === 'read' ? [...news.delta.upserts.keys(), ...news.delta.removed] : undefined;
      eyes.soon(() => {
        if (!eyes.ranWell(host, eyes.nowMs - 0.001)) return;
        const fault = directoryFault(host, touched);
        if (fault !== undefined) verdicts.broken(fault, host.name);
      });
    });
    return {};
  },
};

/** What is wrong with a daemon's balancers for these VIPs, or for all; undefined if nothing is. */
export function directoryFault(host: HostEyes, only?: Iterable<Endpoint>): string | undefined {
  const status = host.daemon?.node.status;
  if (status === undefined) return 'there is no daemon';
  const { vips } = host.learned;
  for (const vip of only ?? vips.keys()) {
    const wanted = vips.get(vip);
    const balancer = status.vip(vip);
    if (wanted === undefined) {
      if (balancer !== undefined) return `${formatEndpoint(vip)} is still served, and nobody wants it`;
      continue;
    }
    if (balancer === undefined) return `${formatEndpoint(vip)} has no balancer`;
    let had = 0;
    let foreign = 0;
    for (const backend of balancer.endpoints()) {
      had += 1;
      if (!wanted.has(backend)) foreign += 1;
    }
    if (foreign > 0 || had !== wanted.size)
      return `${formatEndpoint(vip)} has ${had} backends, ${foreign} of them unwanted, not the ${wanted.size} wanted`;
  }
  if (only === undefined) {
    for (const { vip } of status.vips()) {
      if (!vips.has(vip)) return `${formatEndpoint(vip)} is still served, and nobody wants it`;
    }
  }
  return undefined;
}

export const newsEverywhere: Invariant = {
  name: 'news-everywhere',
  promise:
    'what changes in the VIPs is known to every undisturbed daemon within 11 s (6.5 s where it is a file)',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const { source } = fleet.plan;
    const troubles =
      source === 'file' ? DAEMON_TROUBLE : [...DAEMON_TROUBLE, ...NETWORK_TROUBLE, ...MASTER_TROUBLE];
    const withinMs = EVERYWHERE_MS[source];

    const check = (version: number, fromMs: number): void => {
      // A poll under way when the trouble ended may have met it.
      if (source !== 'file' && eyes.disturbances.between(fromMs - withinMs, eyes.nowMs, MASTER_TROUBLE))
        return;
      if (agentsAwaited(eyes, fromMs)) return;
      for (const host of eyes.hosts.values()) {
        if (!eyes.servedWell(host, fromMs, troubles)) continue;
        const known = versionsOf(eyes).latestOf(host.learned.digest) ?? 0;
        if (known >= version) continue;
        verdicts.broken(`does not know version ${version} of the VIPs after ${withinMs} ms`, host.name);
      }
    };

    return {
      hears: ['desired'],
      happened: (news, atMs) => {
        if (news.kind === 'desired') eyes.at(atMs + withinMs, () => check(news.version, atMs));
      },
    };
  },
};
