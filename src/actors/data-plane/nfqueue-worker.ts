import { decideExisting } from '../../core/data-plane/existing-entry.js';
import { type Network, sourceTowards, withinReach } from '../../core/data-plane/source-address.js';
import { addressOf, type Endpoint } from '../../core/endpoint.js';
import type { CreateOutcome, Telemetry, VerdictOutcome } from '../../core/telemetry.js';
import type { Conntrack, ConntrackEntry, Mapping } from '../../ports/conntrack.js';
import type { PacketQueue, Syn } from '../../ports/packet-queue.js';
import type { Clock } from '../../ports/time.js';
import type { Behavior, Mailbox, Self } from '../supervision/actor.js';
import type { PlacedAgainMessage, PlacedMessage } from './balancer.js';
import type { Directory } from './directory.js';
import { Lookout } from './lookout.js';
import type { RouteCache } from './route-cache.js';

export type NfqueueWorkerMessage =
  /** `life` is the incarnation that was to receive them. */
  | { readonly kind: 'syns'; readonly syns: readonly Syn[]; readonly life: number }
  | PlacedMessage
  | PlacedAgainMessage
  | { readonly kind: 'deadline' };

export interface NfqueueWorkerOptions {
  /** Outlives the worker's crashes; opened when first asked for. */
  queue(): PacketQueue;
  readonly directory: Directory;
  readonly conntrack: Conntrack;
  readonly routes: RouteCache;
  readonly masquerade: readonly Network[];
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

/** A balancer that has not answered by then has crashed at the question: it is asked once more. */
const DEADLINE_MS = 100;
const ATTEMPTS_MOST = 2;

interface Held {
  readonly syn: Syn;
  attempts: number;
  deadlineMs: number;
}

interface State {
  readonly queue: PacketQueue;
  readonly life: number;
  /** SYNs without a verdict by packet id, earliest deadline first. */
  readonly held: Map<number, Held>;
  /** Balancers that have not answered yet, by what they were asked. */
  readonly rounds: Map<readonly Syn[], Round>;
  /** For deadlines that nobody kept. */
  readonly lookout: Lookout<NfqueueWorkerMessage>;
}

/**
 * The questions about one batch. Its placements wait for one another, because a request to the kernel costs
 * more than an entry in it, and a batch may hold SYNs to as many VIPs as it is long.
 */
interface Round {
  awaited: number;
  readonly placements: Placement[];
}

/** A placement to carry out. */
interface Placement {
  readonly syn: Syn;
  readonly backend: Endpoint;
  readonly outcome: CreateOutcome;
  /** The entry that it replaces. */
  readonly instead?: ConntrackEntry;
}

/** SYNs of one batch whose verdict is known. */
interface Settled {
  readonly mapped: Syn[];
  readonly deferred: Syn[];
}

/** A placement whose tuple the kernel tracks already: by `entry`, unless that ended meanwhile. */
interface Taken {
  readonly placement: Placement;
  readonly entry: ConntrackEntry | undefined;
}

/**
 * Takes SYNs from one NFQUEUE, has the VIP's balancer choose, makes the conntrack entry and gives the
 * verdict. Each SYN gets exactly one verdict within two deadlines, whoever crashes: the queue remembers what
 * it handed out, and a worker that starts asks it for what is left.
 */
export function nfqueueWorker(options: NfqueueWorkerOptions): Behavior<NfqueueWorkerMessage, State> {
  const { directory, conntrack, routes, telemetry, clock } = options;
  let lives = 0;

  const settle = (state: State, syns: readonly Syn[], outcome: VerdictOutcome): void => {
    if (syns.length === 0) return;
    state.queue.verdict(
      syns.map((syn) => syn.id),
      outcome === 'deferred' ? 'drop' : 'accept',
    );
    const nowMs = clock.nowMs();
    for (const syn of syns) {
      state.held.delete(syn.id);
      telemetry.decided(nowMs - syn.arrivedMs);
    }
    telemetry.verdict(outcome, syns.length);
    if (state.held.size > 0) return;
    // A round that is not through yet has nobody left.
    state.rounds.clear();
    state.lookout.rest();
  };

  const release = (syns: readonly Syn[]): void => {
    for (const [vip, group] of byVip(syns)) {
      directory.entries.get(vip)?.mailbox.send({ kind: 'release', clients: group.map((syn) => syn.client) });
    }
  };

  const ask = (state: State, syns: readonly Syn[], replyTo: Mailbox<NfqueueWorkerMessage>): void => {
    const unknown: Syn[] = [];
    const round: Round = { awaited: 0, placements: [] };
    for (const [vip, group] of byVip(syns)) {
      const entry = directory.entries.get(vip);
      if (entry === undefined) {
        unknown.push(...group);
        continue;
      }
      round.awaited += 1;
      state.rounds.set(group, round);
      entry.mailbox.send({ kind: 'place', syns: group, replyTo });
    }
    if (directory.known) refuse(state, unknown);
    else settle(state, unknown, 'deferred');
  };

  /**
   * Lets SYNs go on unmapped, into the rule that resets them. A mapping that an earlier, unanswered SYN got
   * would carry them off again, so it goes first.
   */
  const refuse = (state: State, syns: readonly Syn[]): void => {
    if (syns.length === 0) return;
    const stale = conntrack
      .lookup(syns)
      .filter((entry) => entry !== undefined && decideExisting(entry.state, true) !== 'leave');
    conntrack.remove(stale as ConntrackEntry[]);
    settle(state, syns, 'refused');
  };

  const mapping = ({ syn, backend, instead }: Placement): Mapping => ({
    client: syn.client,
    vip: syn.vip,
    backend,
    source: sourceTowards(
      addressOf(syn.client),
      syn.inInterface,
      routes.lookup(addressOf(backend)),
      options.masquerade,
    ),
    instead,
  });

  /** Makes entries; the answer is the placements whose tuple is taken, which are not settled. */
  const map = (placements: readonly Placement[], settled: Settled): Taken[] => {
    const { mapped } = settled;
    const taken: Taken[] = [];
    // Nothing can place them now, but the client's next SYN may find room: better than an error at once.
    const deferred: Syn[] = [];
    const outcomes = conntrack.map(placements.map(mapping));
    for (const [i, placement] of placements.entries()) {
      const outcome = outcomes[i]!;
      switch (outcome.kind) {
        case 'made':
          telemetry.created(placement.outcome);
          mapped.push(placement.syn);
          break;
        case 'exists':
          taken.push({ placement, entry: outcome.entry });
          break;
        case 'full':
          telemetry.created('full');
          deferred.push(placement.syn);
          break;
        case 'error':
          telemetry.createFailed(outcome.code);
          deferred.push(placement.syn);
          break;
      }
    }
    settled.deferred.push(...deferred);
    release(deferred);
    return taken;
  };

  const place = (
    state: State,
    placements: readonly Placement[],
    replyTo: Mailbox<NfqueueWorkerMessage>,
  ): void => {
    if (placements.length === 0) return;
    const outOfReach = placements.filter((placement) => !reaches(placement)).map(({ syn }) => syn);
    // Refused here, not by a backend, which has nothing to do with it.
    refuse(state, outOfReach);
    release(outOfReach);
    // One verdict for all: it is one short message if no older SYN is left waiting.
    const settled: Settled = { mapped: [], deferred: [] };
    const taken = map(outOfReach.length === 0 ? placements : placements.filter(reaches), settled);
    if (taken.length > 0) resolve(taken, settled, replyTo);
    settle(state, settled.mapped, 'mapped');
    settle(state, settled.deferred, 'deferred');
  };

  /** Decides on SYNs whose tuple the kernel tracks already, as far as that can be done at once. */
  const resolve = (
    taken: readonly Taken[],
    { mapped, deferred }: Settled,
    replyTo: Mailbox<NfqueueWorkerMessage>,
  ): void => {
    const left: Syn[] = [];
    const again: Placement[] = [];
    for (const { placement, entry } of taken) {
      const { syn, backend } = placement;
      if (entry === undefined) {
        // It ended between the two requests, or its reply tuple was the one taken.
        again.push({ syn, backend, outcome: 'made' });
        continue;
      }
      switch (decideExisting(entry.state, entry.backend !== entry.vip)) {
        case 'leave':
          left.push(syn);
          break;
        case 'replace':
          again.push({ syn, backend, outcome: 'exists-replaced', instead: entry });
          break;
        case 'ask':
          directory.entries.get(syn.vip)?.mailbox.send({ kind: 'retransmitted', syn, entry, replyTo });
          break;
      }
    }
    telemetry.created('exists-left-alone', left.length);
    mapped.push(...left);
    release(left);
    if (again.length === 0) return;
    const lost = map(again, { mapped, deferred }).map(({ placement }) => placement.syn);
    // Taken once more within microseconds: somebody else is placing the same tuple. The retry will see.
    deferred.push(...lost);
    // Of two copies of one SYN the first was placed just now, and its handshake is in flight.
    release(lost.filter((syn) => !again.some((other) => other.syn !== syn && sameFlow(other.syn, syn))));
  };

  const watch = ({ held, lookout }: State): void => {
    if (held.size > 0) lookout.wakeAfter(DEADLINE_MS);
  };

  const take = (state: State, syns: readonly Syn[], self: Self<NfqueueWorkerMessage>): void => {
    if (syns.length === 0) return;
    const nowMs = clock.nowMs();
    const deadlineMs = nowMs + DEADLINE_MS;
    state.lookout.begin(nowMs);
    for (const syn of syns) state.held.set(syn.id, { syn, attempts: 1, deadlineMs });
    ask(state, syns, self.mailbox);
    watch(state);
  };

  /** Carries out what is decided, without the answers that are missing: a balancer has crashed. */
  const endRounds = (state: State, replyTo: Mailbox<NfqueueWorkerMessage>): void => {
    const rounds = new Set(state.rounds.values());
    state.rounds.clear();
    for (const { placements } of rounds) place(state, placements, replyTo);
  };

  const overdue = (state: State, self: Self<NfqueueWorkerMessage>): void => {
    const nowMs = clock.nowMs();
    const again: Syn[] = [];
    const givenUp: Syn[] = [];
    for (const held of state.held.values()) {
      if (held.deadlineMs > nowMs) continue;
      if (held.attempts >= ATTEMPTS_MOST) {
        givenUp.push(held.syn);
        continue;
      }
      held.attempts += 1;
      held.deadlineMs = nowMs + DEADLINE_MS;
      again.push(held.syn);
    }
    settle(state, givenUp, 'deferred');
    release(givenUp);
    telemetry.redispatched(again.length);
    ask(state, again, self.mailbox);
  };

  return {
    init: (self) => {
      lives += 1;
      const life = lives;
      const queue = options.queue();
      const state: State = {
        queue,
        life,
        held: new Map(),
        rounds: new Map(),
        lookout: new Lookout<NfqueueWorkerMessage>(self, { kind: 'deadline' }, DEADLINE_MS),
      };
      queue.receive((syns) => self.mailbox.send({ kind: 'syns', syns, life }));
      take(state, queue.outstanding(), self);
      return state;
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'syns':
          // Those of an earlier life were outstanding when this one began, and were taken up then.
          if (message.life === state.life) take(state, message.syns, self);
          break;
        case 'placed': {
          const round = state.rounds.get(message.syns) ?? { awaited: 1, placements: [] };
          state.rounds.delete(message.syns);
          const refused: Syn[] = [];
          for (const [i, syn] of message.syns.entries()) {
            // Decided already: this is the second answer to a question asked twice.
            if (!state.held.has(syn.id)) continue;
            const backend = message.backends[i];
            if (backend === undefined) refused.push(syn);
            else round.placements.push({ syn, backend, outcome: 'made' });
          }
          refuse(state, refused);
          round.awaited -= 1;
          if (round.awaited === 0) place(state, round.placements, self.mailbox);
          break;
        }
        case 'placed-again': {
          const { syn, entry, backend } = message;
          if (!state.held.has(syn.id)) break;
          if (backend === undefined) {
            refuse(state, [syn]);
          } else if (backend === entry.backend) {
            telemetry.created('exists-kept');
            settle(state, [syn], 'mapped');
          } else {
            place(state, [{ syn, backend, outcome: 'exists-moved', instead: entry }], self.mailbox);
          }
          break;
        }
        case 'deadline':
          state.lookout.fired();
          endRounds(state, self.mailbox);
          overdue(state, self);
          watch(state);
          break;
      }
      return state;
    },
  };
}

function reaches({ syn, backend }: Placement): boolean {
  return withinReach(addressOf(backend), syn.inInterface);
}

function sameFlow(a: Syn, b: Syn): boolean {
  return a.client === b.client && a.vip === b.vip;
}

function byVip(syns: readonly Syn[]): Iterable<readonly [Endpoint, readonly Syn[]]> {
  if (syns.length <= 1) return syns.map((syn) => [syn.vip, syns] as const);
  const groups = new Map<Endpoint, Syn[]>();
  for (const syn of syns) {
    const group = groups.get(syn.vip);
    if (group === undefined) groups.set(syn.vip, [syn]);
    else group.push(syn);
  }
  return groups;
}
