import { addressOf, type Endpoint, formatEndpoint, portOf } from '../../core/endpoint.js';
import { ESTABLISHED } from '../kernel/tcp-states.js';
import { MACHINE_TROUBLE, NETWORK_TROUBLE } from './disturbances.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';

/** Every host's connection table is looked through so often in a small fleet; in a large one more seldom. */
const LOOK_EVERY_MS = 5_000;
const SMALL_FLEET = 5;

function everyNowAndThen(eyes: Eyes, look: (host: HostEyes) => void): void {
  const hosts = [...eyes.hosts.values()];
  const everyMs = LOOK_EVERY_MS * Math.max(1, hosts.length / SMALL_FLEET);
  hosts.forEach((host, index) => {
    const again = (): void => {
      look(host);
      eyes.at(eyes.nowMs + everyMs, again);
    };
    eyes.at((everyMs * (index + 1)) / hosts.length, again);
  });
}

export const replyTuplesUnique: Invariant = {
  name: 'reply-tuples-unique',
  promise: "no two of a kernel's connections have the same reply tuple: answers find their client",
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    everyNowAndThen(eyes, (host) => {
      // Most backends answer to one client of a host, who needs no set.
      const seen = new Map<Endpoint, Endpoint | Set<Endpoint>>();
      for (const { backend, seen: client } of host.kernel.entries()) {
        const clients = seen.get(backend);
        if (clients === undefined) seen.set(backend, client);
        else if (typeof clients === 'object' ? clients.has(client) : clients === client) {
          verdicts.broken(`${formatEndpoint(backend)} answers to ${formatEndpoint(client)} twice`, host.name);
          return;
        } else if (typeof clients === 'object') clients.add(client);
        else seen.set(backend, new Set([clients, client]));
      }
    });
    return {
      hears: ['mapped'],
      happened: (news) => {
        // The kernel picked another source port, because two answers would have looked alike.
        if (news.kind !== 'mapped' || news.outcome !== 'made') return;
        const entry = eyes.host(news.host).kernel.entryOf(news.client as Endpoint, news.vip as Endpoint);
        if (entry !== undefined && portOf(entry.seen) !== portOf(entry.client)) {
          verdicts.sometimes('a reply tuple would have clashed');
        }
      },
    };
  },
};

/** An entry outlives its connection's end by the kernel's shorter timeouts, not by the days of one that stands. */
const CLOSED_BEFORE_MS = 10_000;

export const entriesEnd: Invariant = {
  name: 'entries-end',
  promise: 'entries of connections that are over do not stay as if they stood',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const suspects = new Map<HostEyes, Map<string, number>>();
    everyNowAndThen(eyes, (host) => {
      // A client or backend that went silent never closed: its entry stands until it is five days old.
      if (
        eyes.disturbances.between(0, eyes.nowMs, [
          ...MACHINE_TROUBLE,
          ...NETWORK_TROUBLE,
          'all-rules-flushed',
        ])
      )
        return;
      const former = suspects.get(host) ?? new Map<string, number>();
      const now = new Map<string, number>();
      for (const { ours, state, client, vip } of host.kernel.entries()) {
        if (!ours || state !== ESTABLISHED || eyes.connectionOf(client, vip) !== undefined) continue;
        const key = `${formatEndpoint(client)} to ${formatEndpoint(vip)}`;
        const sinceMs = former.get(key) ?? eyes.nowMs;
        now.set(key, sinceMs);
        if (eyes.nowMs - sinceMs < CLOSED_BEFORE_MS || addressOf(client) !== host.at.host.address) continue;
        verdicts.broken(`${key}: its entry stands as established, and nobody holds it`, host.name);
        return;
      }
      suspects.set(host, now);
    });
    return {};
  },
};
