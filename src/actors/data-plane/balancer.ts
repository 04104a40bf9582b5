import type { BalancerLimits } from '../../core/balancer/backend.js';
import { Balancer, type DepartedBackends } from '../../core/balancer/balancer.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Telemetry } from '../../core/telemetry.js';
import type { Conntrack, ConntrackEntry, HandshakeEvent } from '../../ports/conntrack.js';
import type { Log } from '../../ports/log.js';
import type { Syn } from '../../ports/packet-queue.js';
import type { Random } from '../../ports/random.js';
import type { Clock } from '../../ports/time.js';
import type { Behavior, Mailbox } from '../supervision/actor.js';
import type { Directory, DirectoryEntry } from './directory.js';
import { Lookout } from './lookout.js';

/** Backends chosen for SYNs, in the same order; undefined where the VIP has none. */
export interface PlacedMessage {
  readonly kind: 'placed';
  readonly syns: readonly Syn[];
  readonly backends: readonly (Endpoint | undefined)[];
}

/** The decision on a SYN that met an entry of an unanswered connection. */
export interface PlacedAgainMessage {
  readonly kind: 'placed-again';
  readonly syn: Syn;
  readonly entry: ConntrackEntry;
  readonly backend: Endpoint | undefined;
}

export type BalancerMessage =
  | { readonly kind: 'place'; readonly syns: readonly Syn[]; readonly replyTo: Mailbox<PlacedMessage> }
  | {
      readonly kind: 'retransmitted';
      readonly syn: Syn;
      readonly entry: ConntrackEntry;
      readonly replyTo: Mailbox<PlacedAgainMessage>;
    }
  /** Connections of these clients were not made after all. */
  | { readonly kind: 'release'; readonly clients: readonly Endpoint[] }
  | { readonly kind: 'observed'; readonly events: readonly HandshakeEvent[] }
  /** Events were lost: look at the kernel's entries instead. */
  | { readonly kind: 'resynchronise' }
  /** The directory has other backends. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'expire' };

export interface BalancerOptions {
  readonly entry: DirectoryEntry;
  readonly directory: Directory;
  readonly limits: BalancerLimits;
  readonly telemetry: Telemetry;
  readonly departed: DepartedBackends;
  readonly conntrack: Conntrack;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface State {
  readonly balancer: Balancer;
  /** For handshakes that never end. */
  readonly lookout: Lookout<BalancerMessage>;
}

/** Chooses the backends of one VIP's connections. */
export function vipBalancer(options: BalancerOptions): Behavior<BalancerMessage, State> {
  const { entry, directory, clock, log } = options;
  const random = (): number => options.random.next();

  const expireLater = ({ balancer, lookout }: State): void => {
    if (lookout.waiting) return;
    const atMs = balancer.nextExpiryMs();
    if (atMs !== undefined) lookout.wakeAfter(Math.max(0, atMs - clock.nowMs()));
  };

  const restIfDone = ({ balancer, lookout }: State): void => {
    if (balancer.handshakesInFlight === 0) lookout.rest();
  };

  const announce = (balancer: Balancer): void => {
    for (const { backend, available, reason } of balancer.takeChanges()) {
      const fields = { vip: formatEndpoint(entry.vip), backend: formatEndpoint(backend), reason };
      if (available) {
        log.event('info', 'backend-available', `${fields.vip}: backend ${fields.backend} is back`, fields);
      } else {
        log.event(
          'warn',
          'backend-unavailable',
          `${fields.vip}: backend ${fields.backend} gets no new connections for now: ${reason}`,
          fields,
        );
      }
    }
  };

  return {
    init: (self) => {
      const balancer = new Balancer(
        entry.vip,
        options.limits,
        options.telemetry,
        options.departed,
        () => directory.unreachable,
      );
      balancer.setBackends(entry.backends);
      entry.balancer = balancer;
      return {
        balancer,
        lookout: new Lookout<BalancerMessage>(self, { kind: 'expire' }, options.limits.connectTimeoutMs),
      };
    },

    handle: (state, message) => {
      const { balancer, lookout } = state;
      const nowMs = clock.nowMs();
      switch (message.kind) {
        case 'place': {
          lookout.begin(nowMs);
          const backends = message.syns.map((syn) => balancer.place(syn.client, nowMs, random));
          message.replyTo.send({ kind: 'placed', syns: message.syns, backends });
          expireLater(state);
          break;
        }
        case 'retransmitted': {
          const { syn, entry: existing } = message;
          const backend = balancer.retransmit(syn.client, existing.backend, nowMs, random);
          message.replyTo.send({ kind: 'placed-again', syn, entry: existing, backend });
          expireLater(state);
          break;
        }
        case 'release':
          for (const client of message.clients) balancer.release(client);
          restIfDone(state);
          break;
        case 'observed':
          for (const event of message.events) {
            if (event.kind === 'answered') balancer.answered(event.client, event.backend, event.atMs, true);
            else balancer.refused(event.client, event.backend, event.atMs);
          }
          restIfDone(state);
          announce(balancer);
          break;
        case 'resynchronise':
          resynchronise(balancer, balancer.waiting(), options.conntrack, nowMs);
          announce(balancer);
          break;
        case 'changed':
          balancer.setBackends(entry.backends);
          break;
        case 'expire':
          lookout.fired();
          // Events may be lost: a handshake has failed only if the kernel's table does not say otherwise.
          resynchronise(balancer, balancer.overdue(nowMs), options.conntrack, nowMs);
          balancer.expire(nowMs);
          announce(balancer);
          expireLater(state);
          break;
      }
      return state;
    },

    terminate: ({ balancer }) => balancer.retire(),
  };
}

/** Learns from the entries how these clients' handshakes went, as events may be lost. */
function resynchronise(
  balancer: Balancer,
  clients: readonly Endpoint[],
  conntrack: Conntrack,
  nowMs: number,
): void {
  if (clients.length === 0) return;
  const flows = clients.map((client) => ({ client, vip: balancer.vip }));
  const entries = conntrack.lookup(flows);
  for (const [i, { client }] of flows.entries()) {
    const entry = entries[i];
    const backend = balancer.backendOf(client);
    // Not there (yet, or any more), or another connection's: the connect timeout decides.
    if (entry === undefined || backend === undefined || entry.backend !== backend) continue;
    if (entry.state === 'syn-sent' || entry.state === 'none') continue;
    // A reset ended it: the backend's refusal, or the end of a connection that was short. Counts neither way.
    if (entry.state === 'close') balancer.release(client);
    else balancer.answered(client, backend, nowMs, false);
  }
}
