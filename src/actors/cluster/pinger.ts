import type { DetectorEffect } from '../../core/cluster/effects.js';
import { type DetectorSettings, FailureDetector } from '../../core/cluster/failure-detector.js';
import type { PingMessage } from '../../core/cluster/messages.js';
import { encode } from '../../core/cluster/wire.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { MeshCounters } from '../../core/status.js';
import type { Log } from '../../ports/log.js';
import type { Mesh } from '../../ports/mesh.js';
import type { Random } from '../../ports/random.js';
import type { Clock } from '../../ports/time.js';
import type { Behavior, Mailbox } from '../supervision/actor.js';
import type { ClusterState } from './cluster-state.js';
import type { GossipActorMessage, MembershipMessage, PingerMessage } from './messages.js';
import { Ticker } from './ticker.js';

export interface PingerOptions {
  readonly mesh: Mesh;
  readonly state: ClusterState;
  readonly settings: DetectorSettings;
  readonly membership: Mailbox<MembershipMessage>;
  readonly gossip: Mailbox<GossipActorMessage>;
  readonly counters: MeshCounters;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** News of who died are everywhere by then. */
const JUDGED_AFTER_MS = 3_000;

interface State {
  readonly detector: FailureDetector;
  readonly ticker: Ticker<PingerMessage>;
  /** Links by which another hash than ours came last: gossip hears of those, and of the end of it. */
  readonly differing: Set<number>;
}

/** Watches the neighbours, and says who fell silent. */
export function pinger(options: PingerOptions): Behavior<PingerMessage, State> {
  const { mesh, state, membership, gossip, counters, clock, random, log } = options;

  /** Cuts that were not judged yet, oldest first. */
  const cuts: { readonly peer: Endpoint; readonly atMs: number }[] = [];

  const perform = (effects: readonly DetectorEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'send') {
        if (effect.message.kind === 'ping') counters.pings += 1;
        mesh.send(effect.id, encode(effect.message));
      } else {
        counters.cuts += 1;
        const peer = [...state.view.active.values()].find(({ link }) => link.id === effect.id)?.link.peer;
        if (peer !== undefined) {
          const silentMs = Math.round(effect.silentMs);
          const endpoint = formatEndpoint(peer.endpoint);
          const what = `${peer.name} (${endpoint}) said nothing for ${silentMs} ms; its link is cut`;
          log.event('info', 'neighbour-cut', what, { node: peer.name, endpoint, silentMs });
          cuts.push({ peer: peer.endpoint, atMs: clock.nowMs() });
        }
        membership.send({ kind: 'cut', id: effect.id });
      }
    }
  };

  /** Those that were cut some time ago, and whom a path leads to, were not dead. */
  const judge = (nowMs: number): void => {
    while (cuts[0] !== undefined && nowMs - cuts[0].atMs >= JUDGED_AFTER_MS) {
      if (state.reachability.has(cuts.shift()!.peer)) counters.falseCuts += 1;
    }
  };

  const compare = ({ differing }: State, id: number, hash: number): void => {
    const differs = hash !== state.tableHash();
    if (!differs) state.synchronised = true;
    if (!differs && !differing.delete(id)) return;
    if (differs) differing.add(id);
    gossip.send({ kind: 'hash', id, hash });
  };

  const take = (current: State, id: number, message: PingMessage, atMs: number): void => {
    const { detector } = current;
    detector.heard(id, atMs);
    switch (message.kind) {
      case 'ping':
        perform(detector.ping(id, message.seq, atMs));
        compare(current, id, message.tableHash);
        break;
      case 'pong':
        detector.pong(id, message.seq, atMs);
        compare(current, id, message.tableHash);
        break;
      case 'suspect':
        perform(detector.alarm(message.target, message.steps, id, atMs));
    }
  };

  return {
    init: (self) => {
      const detector = new FailureDetector(
        options.settings,
        () => state.tableHash(),
        (link) => state.heardMs(link),
        () => random.next(),
      );
      state.roundTripMs = (link) => detector.roundTripMs(link);
      state.watched = () => detector.watched();
      const ticker = new Ticker<PingerMessage>(self, clock, { kind: 'tick' });
      for (const { link } of state.view.active.values()) perform(detector.add(link, clock.nowMs()));
      ticker.wakeAt(detector.nextTickMs());
      return { detector, ticker, differing: new Set() };
    },

    handle: (current, message) => {
      const { detector, ticker, differing } = current;
      switch (message.kind) {
        case 'neighbour-up':
          perform(detector.add(message.link, clock.nowMs()));
          break;
        case 'neighbour-down':
          detector.remove(message.link.id);
          differing.delete(message.link.id);
          break;
        case 'message':
          take(current, message.id, message.message, message.atMs);
          break;
        case 'tick':
          ticker.fired();
          perform(detector.tick(clock.nowMs()));
          judge(clock.nowMs());
          break;
      }
      ticker.wakeAt(detector.nextTickMs());
      return current;
    },
  };
}
