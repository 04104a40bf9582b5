import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Happening, HostName } from '../engine/journal.js';
import { FLUSHING, type Trouble } from './disturbances.js';
import { eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';

type Of<K extends Happening['kind']> = Extract<Happening, { kind: K }>;

/** Remembers for each flow of each host the last thing of a kind. */
class ByFlow<T> {
  private readonly hosts = new Map<HostName, Map<number, Map<number, T>>>();

  get(host: HostName, client: number, vip: number): T | undefined {
    return this.hosts.get(host)?.get(vip)?.get(client);
  }

  set(host: HostName, client: number, vip: number, value: T): void {
    let vips = this.hosts.get(host);
    if (vips === undefined) {
      vips = new Map();
      this.hosts.set(host, vips);
    }
    let clients = vips.get(vip);
    if (clients === undefined) {
      clients = new Map();
      vips.set(vip, clients);
    }
    clients.set(client, value);
  }

  delete(host: HostName, client: number, vip: number): void {
    this.hosts.get(host)?.get(vip)?.delete(client);
  }

  forget(host: HostName): void {
    this.hosts.delete(host);
  }
}

/** A packet whose host has no room for another connection is lost in its kernel, placed or not. */
const NO_ROOM: readonly Trouble[] = ['conntrack-full', 'panic', 'host-killed'];

/** What a SYN meets after its verdict is either a backend or a reset. */
export const acceptedMeansAnswered: Invariant = {
  name: 'accepted-means-answered',
  promise:
    'a SYN that was accepted has an entry towards a backend or is reset at once, as long as the refusing rules stand',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const rejected = new ByFlow<number>();
    const leaked = new ByFlow<number>();
    const check = ({ host: name, client, vip, by }: Of<'verdict'>, atMs: number): void => {
      if (rejected.get(name, client, vip) === atMs || leaked.get(name, client, vip) === atMs) return;
      const host = eyes.host(name);
      if (eyes.disturbances.between(atMs, atMs, NO_ROOM, name)) return;
      const entry = host.kernel.entryOf(client as Endpoint, vip as Endpoint);
      if (entry !== undefined && entry.backend !== vip) return;
      verdicts.broken(`${flow(client, vip)}: accepted by the ${by}, neither placed nor refused`, name);
    };
    return {
      hears: ['rejected', 'leaked', 'verdict'],
      happened: (news, atMs) => {
        if (news.kind === 'rejected') rejected.set(news.host, news.client, news.vip, atMs);
        else if (news.kind === 'leaked') leaked.set(news.host, news.client, news.vip, atMs);
        else if (news.kind === 'verdict' && news.verdict === 'accept') eyes.soon(() => check(news, atMs));
      },
    };
  },
};

/** What keeps SYNs from being intercepted, or a daemon from placing them. */
const REFUSING_TROUBLE: readonly Trouble[] = [
  ...FLUSHING,
  'set-spoilt',
  'slow-tools',
  'queue-limit',
  'conntrack-full',
  'kernel-error/conntrack-map',
  'kernel-error/conntrack-lookup',
  'kernel-error/verdict',
  'kernel-error/heartbeat',
  'kernel-error/iptables',
  'kernel-error/ipset',
];
/** After such trouble rules and heartbeat are looked at once a second, and tools take their time. */
const SETTLE_MS = 4_000;

/** ACCEPT with a backend implies that the entry exists: nobody who could be served is refused. */
export const noVainRefusal: Invariant = {
  name: 'no-vain-refusal',
  promise: 'a daemon that serves undisturbed refuses no connection to a VIP for which it knows a backend',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    return {
      hears: ['rejected'],
      happened: (news, atMs) => {
        if (news.kind !== 'rejected') return;
        const host = eyes.host(news.host);
        const backends = host.learned.vips.get(news.vip as Endpoint)?.size ?? 0;
        if (backends === 0) {
          verdicts.sometimes('a VIP without backends refused');
          return;
        }
        const sinceMs = Math.max(0, atMs - SETTLE_MS);
        if (host.learned.changedMs >= atMs || !eyes.servedWell(host, sinceMs, REFUSING_TROUBLE)) {
          verdicts.sometimes('a SYN refused while its host was disturbed');
          return;
        }
        verdicts.broken(
          `${flow(news.client, news.vip)}: refused, though there are ${backends} backends`,
          news.host,
        );
      },
    };
  },
};

/** What the kernel does is what the daemon chose. */
export const connectedWherePlaced: Invariant = {
  name: 'connected-where-placed',
  promise: 'a client ends up at the backend that its SYN was placed on last',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    return {
      hears: ['connected'],
      happened: (news) => {
        if (news.kind !== 'connected') return;
        const connection = eyes.connections.open.get(news.id);
        if (connection === undefined) {
          verdicts.broken(`connection ${news.id} connected without having begun`, news.host);
          return;
        }
        const { client, vip, placed } = connection;
        if (placed === news.backend) return;
        const where = placed === undefined ? 'nowhere' : formatEndpoint(placed);
        verdicts.broken(
          `${flow(client, vip)}: placed on ${where}, connected to ${formatEndpoint(news.backend as Endpoint)}`,
          news.host,
        );
      },
    };
  },
};

/** A stray or forged SYN, or a client's retry, never takes a live connection's entry away. */
export const liveEntryStays: Invariant = {
  name: 'live-entry-stays',
  promise: 'the daemon deletes no entry of a connection that stands',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    return {
      hears: ['unmapped'],
      happened: (news) => {
        if (news.kind !== 'unmapped') return;
        const connection = eyes.connectionOf(news.client, news.vip);
        if (connection?.connectedMs === undefined) return;
        verdicts.broken(`${flow(news.client, news.vip)}: its entry was deleted while it stands`, news.host);
      },
    };
  },
};

/** A full table is a burst: the client's retry finds room, an error would be for good. */
export const fullDefers: Invariant = {
  name: 'full-defers',
  promise: 'a SYN for which the kernel had no room is dropped, so that its client tries again',
  watch: (_fleet, verdicts) => {
    const full = new ByFlow<true>();
    return {
      hears: ['mapped', 'verdict'],
      happened: (news) => {
        if (news.kind === 'mapped') {
          if (news.outcome === 'full') full.set(news.host, news.client, news.vip, true);
          else full.delete(news.host, news.client, news.vip);
        } else if (news.kind === 'verdict' && full.get(news.host, news.client, news.vip)) {
          full.delete(news.host, news.client, news.vip);
          if (news.by !== 'daemon') return;
          if (news.verdict === 'drop') verdicts.sometimes('a full table deferred a SYN');
          else
            verdicts.broken(`${flow(news.client, news.vip)}: no room for its entry, and accepted`, news.host);
        }
      },
    };
  },
};

/** Packets towards a VIP are for this host's kernel to turn, and for no wire to carry. */
export const nothingLeaks: Invariant = {
  name: 'nothing-leaks',
  promise: 'no SYN towards a VIP leaves a host whose refusing rules and set stand',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    return {
      hears: ['leaked'],
      happened: (news) => {
        if (news.kind !== 'leaked') return;
        const host = eyes.host(news.host);
        if (refuses(host, news.vip as Endpoint)) {
          verdicts.broken(`${flow(news.client, news.vip)}: its SYN went out with the VIP on it`, news.host);
        } else {
          verdicts.sometimes('a SYN left its host while the rules were gone');
        }
      },
    };
  },
};

function refuses(host: HostEyes, vip: Endpoint): boolean {
  const rules = host.kernel.rules();
  return (rules.get('filter/OUTPUT') ?? 0) > 0 && (host.kernel.members()?.has(vip) ?? false);
}

function flow(client: number, vip: number): string {
  return `${formatEndpoint(client as Endpoint)} to ${formatEndpoint(vip as Endpoint)}`;
}
