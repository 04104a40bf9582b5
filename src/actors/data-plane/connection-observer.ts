import type { Endpoint } from '../../core/endpoint.js';
import type { Telemetry } from '../../core/telemetry.js';
import type { Conntrack, HandshakeEvent } from '../../ports/conntrack.js';
import type { Log } from '../../ports/log.js';
import type { Behavior } from '../supervision/actor.js';
import type { Directory } from './directory.js';

export type ConnectionObserverMessage =
  | { readonly kind: 'events'; readonly events: readonly HandshakeEvent[] }
  | { readonly kind: 'lost' }
  | { readonly kind: 'check-usage' };

export interface ConnectionObserverOptions {
  readonly conntrack: Conntrack;
  readonly directory: Directory;
  readonly telemetry: Telemetry;
  readonly log: Log;
}

const CHECK_USAGE_MS = 10_000;
/** Share of the connection table that is worth a warning, and the one below which it is forgotten. */
const WARN_ABOVE = 0.8;
const FORGET_BELOW = 0.75;

interface State {
  warned: boolean;
}

/** Hands what the kernel saw of our handshakes to their balancers; watches how full its table is. */
export function connectionObserver(
  options: ConnectionObserverOptions,
): Behavior<ConnectionObserverMessage, State> {
  const { conntrack, directory, telemetry, log } = options;

  const resynchronise = (): void => {
    for (const entry of directory.entries.values()) {
      if ((entry.balancer?.handshakesInFlight ?? 0) > 0) entry.mailbox.send({ kind: 'resynchronise' });
    }
  };

  const checkUsage = (state: State): void => {
    const { count, max } = conntrack.usage();
    const share = max > 0 ? count / max : 0;
    if (share < FORGET_BELOW) state.warned = false;
    if (share <= WARN_ABOVE || state.warned) return;
    state.warned = true;
    log.event(
      'warn',
      'conntrack-nearly-full',
      `the kernel's connection table holds ${count} of at most ${max} entries; when it is full new connections fail: raise net.netfilter.nf_conntrack_max`,
      { count, max },
    );
  };

  return {
    init: (self) => {
      conntrack.observe(
        (events) => self.mailbox.send({ kind: 'events', events }),
        () => self.mailbox.send({ kind: 'lost' }),
      );
      // Whatever an earlier incarnation had not handed on yet is gone with it.
      resynchronise();
      self.sendAfter(0, { kind: 'check-usage' });
      return { warned: false };
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'events': {
          const groups = new Map<Endpoint, HandshakeEvent[]>();
          for (const event of message.events) {
            const group = groups.get(event.vip);
            if (group === undefined) groups.set(event.vip, [event]);
            else group.push(event);
          }
          for (const [vip, events] of groups) {
            directory.entries.get(vip)?.mailbox.send({ kind: 'observed', events });
          }
          break;
        }
        case 'lost':
          telemetry.eventsOverran();
          resynchronise();
          break;
        case 'check-usage':
          checkUsage(state);
          self.sendAfter(CHECK_USAGE_MS, { kind: 'check-usage' });
          break;
      }
      return state;
    },
  };
}
