import type { OverlayEffect } from '../../core/cluster/effects.js';
import { Hyparview, type HyparviewSettings } from '../../core/cluster/hyparview.js';
import { encode } from '../../core/cluster/wire.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { Log } from '../../ports/log.js';
import type { Mesh } from '../../ports/mesh.js';
import type { Random } from '../../ports/random.js';
import type { Clock } from '../../ports/time.js';
import type { Behavior, Mailbox, Self } from '../supervision/actor.js';
import type { ClusterState } from './cluster-state.js';
import type { GossipActorMessage, MembershipMessage, PingerMessage } from './messages.js';
import { Ticker } from './ticker.js';

export interface MembershipOptions {
  readonly mesh: Mesh;
  readonly state: ClusterState;
  readonly contacts: readonly Endpoint[];
  /** Whom this node knew before its last end, those likeliest to answer first. */
  readonly remembered: readonly Endpoint[];
  readonly settings: HyparviewSettings;
  readonly pinger: Mailbox<PingerMessage>;
  readonly gossip: Mailbox<GossipActorMessage>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface State {
  readonly overlay: Hyparview;
  readonly ticker: Ticker<MembershipMessage>;
}

/** Keeps this node in the overlay: whom it has links with, and whom it would ask next. */
export function membership(options: MembershipOptions): Behavior<MembershipMessage, State> {
  const { mesh, state, pinger, gossip, clock, random, log } = options;

  const perform = (effects: readonly OverlayEffect[]): void => {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          mesh.send(effect.id, encode(effect.message));
          break;
        case 'dial':
          mesh.dial(effect.to, effect.timeoutMs);
          break;
        case 'close':
          mesh.close(effect.id, effect.reason);
          break;
        case 'log':
          log.event(effect.level, effect.event, effect.message, effect.fields);
          break;
        case 'neighbour-up':
          pinger.send({ kind: 'neighbour-up', link: effect.link });
          gossip.send({ kind: 'neighbour-up', link: effect.link });
          break;
        case 'neighbour-down':
          pinger.send({ kind: 'neighbour-down', link: effect.link });
          gossip.send({ kind: 'neighbour-down', link: effect.link, why: effect.why });
          break;
      }
    }
  };

  const step = (overlay: Hyparview, message: MembershipMessage): readonly OverlayEffect[] => {
    const nowMs = clock.nowMs();
    switch (message.kind) {
      case 'opened':
        return overlay.opened(message.link, nowMs);
      case 'closed':
        return overlay.closed(message.id, nowMs);
      case 'dial-failed':
        return overlay.dialFailed(message.to, nowMs);
      case 'message':
        return overlay.receive(message.id, message.message, nowMs);
      case 'expel':
        return overlay.expel(message.id, nowMs);
      case 'pinged':
        return overlay.pinged(message.id, nowMs);
      case 'cut':
        return overlay.cut(message.id, nowMs);
      case 'tick':
        return overlay.tick(nowMs);
      case 'leave':
        return overlay.leave(nowMs);
    }
  };

  return {
    init: (self: Self<MembershipMessage>) => {
      const { reachability, self: here } = state;
      const overlay = new Hyparview(
        here,
        state.view,
        options.contacts,
        options.remembered,
        {
          isReachable: (member) => reachability.has(member),
          unreachable: () => state.unreachable(),
          reachable: () => reachability.reached(),
          neighbours: (member) => reachability.neighbours(member),
          degree: (member) => state.table.get(member)?.adjacency?.record.neighbours.length,
        },
        options.settings,
        () => random.next(),
        clock.nowMs(),
      );
      const ticker = new Ticker<MembershipMessage>(self, clock, { kind: 'tick' });
      // Links that stand although whoever looked after them crashed.
      perform(overlay.adopt(mesh.links(), clock.nowMs()));
      ticker.wakeAt(overlay.nextTickMs());
      return { overlay, ticker };
    },

    handle: (current, message) => {
      const { overlay, ticker } = current;
      if (message.kind === 'tick') ticker.fired();
      perform(step(overlay, message));
      if (message.kind === 'leave') message.done();
      ticker.wakeAt(overlay.nextTickMs());
      return current;
    },
  };
}
