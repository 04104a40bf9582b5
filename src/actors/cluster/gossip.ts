import type { AdvertBoard } from '../../core/cluster/advert-board.js';
import type { GossipEffect } from '../../core/cluster/effects.js';
import { Gossip, type GossipSettings } from '../../core/cluster/gossip.js';
import type { Message } from '../../core/cluster/messages.js';
import { Publisher } from '../../core/cluster/publisher.js';
import type { SealedRecord } from '../../core/cluster/record.js';
import { encode } from '../../core/cluster/wire.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { MeshCounters } from '../../core/status.js';
import type { VipsDelta } from '../../core/vips.js';
import type { Log } from '../../ports/log.js';
import type { MemberStore, Mesh } from '../../ports/mesh.js';
import type { Random } from '../../ports/random.js';
import type { Clock } from '../../ports/time.js';
import type { Behavior, Mailbox, Self } from '../supervision/actor.js';
import type { VipTableMessage } from '../vips/vip-table.js';
import type { ClusterState } from './cluster-state.js';
import type { GossipActorMessage, MembersMessage } from './messages.js';
import { Ticker } from './ticker.js';

/** What the VIP table calls the adverts of the others. */
export const MESH_SOURCE = 'mesh';

export interface GossipOptions {
  readonly mesh: Mesh;
  readonly state: ClusterState;
  readonly name: string;
  readonly settings: GossipSettings;
  readonly adverts: AdvertBoard;
  readonly store: MemberStore;
  readonly contacts: readonly Endpoint[];
  readonly counters: MeshCounters;
  readonly reachability: Mailbox<MembersMessage>;
  readonly table: Mailbox<VipTableMessage>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface State {
  readonly gossip: Gossip;
  readonly ticker: Ticker<GossipActorMessage>;
}

/** Members are kept on disk so long after they changed: when somebody dies there is more urgent work than that. */
const SAVE_AFTER_MS = 5_000;
/** Whom to remember: more than enough to find the others again. */
const SAVE_MOST = 200;

/** Publishes what this node has to say, and spreads and stores what the others say. */
export function gossip(options: GossipOptions): Behavior<GossipActorMessage, State> {
  const { mesh, state, adverts, store, table, clock, random, log } = options;
  let toldTable = false;
  /** Whether a `save` is on its way. */
  let saving = false;

  const save = (): void => {
    const members = [...state.reachability.reached(), ...state.unreachable()]
      .filter((member) => member !== state.self)
      .slice(0, SAVE_MOST)
      .map((endpoint) => ({ endpoint, name: state.nameOf(endpoint) ?? '' }));
    store.save({ epoch: state.published.epoch, members });
  };

  const saveLater = (self: Self<GossipActorMessage>): void => {
    if (saving) return;
    saving = true;
    self.sendAfter(SAVE_AFTER_MS, { kind: 'save' });
  };

  const offer = (delta: VipsDelta): void => {
    if (!toldTable || (delta.upserts.size === 0 && delta.removed.length === 0)) return;
    table.send({ kind: 'read', source: MESH_SOURCE, reset: false, delta });
  };

  const perform = (effects: readonly GossipEffect[], self: Self<GossipActorMessage>): void => {
    /** What was sent last: several neighbours are often told the same. */
    let last: { readonly records: readonly SealedRecord[]; readonly frame: Uint8Array } | undefined;
    const frameOf = (message: Message): Uint8Array => {
      if (message.kind !== 'records') return encode(message);
      const { records } = message;
      if (last === undefined || !sameItems(last.records, records)) last = { records, frame: encode(message) };
      return last.frame;
    };
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          mesh.send(effect.id, frameOf(effect.message));
          break;
        case 'log':
          log.event(effect.level, effect.event, effect.message, effect.fields);
          break;
        case 'epoch':
          options.counters.refutations += 1;
          save();
          break;
        case 'members':
          // Who left may be back in a moment, with another version: what runs there runs on meanwhile.
          for (const member of effect.dropped) offer(adverts.forget(member));
          options.reachability.send(effect);
          saveLater(self);
          break;
        case 'advert':
          if (effect.origin !== state.self) offer(adverts.learn(effect.origin, advertOf(effect.origin)));
          break;
      }
    }
  };

  const advertOf = (origin: Endpoint) => state.table.get(origin)?.advert?.record.vips;

  /** The others' VIPs count as read once a neighbour knows no more than we do, or there is nobody to ask. */
  const tellTable = (): void => {
    if (toldTable || (!state.synchronised && options.contacts.length > 0)) return;
    toldTable = true;
    const delta = { upserts: adverts.all(), removed: [] };
    table.send({ kind: 'read', source: MESH_SOURCE, reset: true, delta });
  };

  const step = (
    current: Gossip,
    message: Exclude<GossipActorMessage, { kind: 'save' }>,
  ): readonly GossipEffect[] => {
    const nowMs = clock.nowMs();
    switch (message.kind) {
      case 'neighbour-up':
        return current.linkUp(message.link, nowMs);
      case 'neighbour-down':
        return current.linkDown(message.link, message.why, nowMs);
      case 'messages':
        return current.receive(message.received, nowMs);
      case 'hash':
        return current.heardHash(message.id, message.hash, nowMs);
      case 'serve':
        return current.serve(message.vips, nowMs);
      case 'tick':
        return current.tick(nowMs);
      case 'leave':
        return current.leave(nowMs);
    }
  };

  return {
    init: (self) => {
      const publisher = new Publisher(state.self, options.name, state.published);
      const current = new Gossip(
        state.table,
        state.reachability,
        publisher,
        options.settings,
        () => random.next(),
        clock.nowMs(),
      );
      state.tableHash = () => current.tableHash();
      // A timer of the actor before this one is gone with it.
      saving = false;
      for (const { link } of state.view.active.values()) perform(current.linkUp(link, clock.nowMs()), self);
      // What was learnt just before a crash may not have been told.
      toldTable = false;
      tellTable();
      save();
      const ticker = new Ticker<GossipActorMessage>(self, clock, { kind: 'tick' });
      ticker.wakeAt(current.nextTickMs());
      return { gossip: current, ticker };
    },

    handle: (current, message, self) => {
      if (message.kind === 'tick') current.ticker.fired();
      if (message.kind === 'save') {
        saving = false;
        save();
        return current;
      }
      perform(step(current.gossip, message), self);
      if (message.kind === 'leave') {
        if (saving) save();
        message.done();
      }
      tellTable();
      current.ticker.wakeAt(current.gossip.nextTickMs());
      return current;
    },
  };
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
