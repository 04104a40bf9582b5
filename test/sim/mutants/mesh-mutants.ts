import { hostName } from '../../../src/sim/engine/host.js';
import type { Fault, TimedFault } from '../../../src/sim/plan/plan.js';
import type { Mutant, MutantPlan } from './mutants.js';
import type { Patch } from './patched.js';

/** Seeds that a mutant is tried with at most. */
export const SEEDS: readonly number[] = [1, 2, 3, 4, 5, 6, 7];

/** More members than one has neighbours, and hardly anything else. */
const TOWN: MutantPlan = {
  nodes: 12,
  durationMs: 20_000,
  healMs: 12_000,
  vips: 1,
  backends: 4,
  connectionsPerSecond: 0,
  longConnections: 0,
  mesh: true,
  source: 'file',
  faults: [],
};

/** Members whose machines serve, and clients. */
const MARKET: MutantPlan = { ...TOWN, nodes: 5, backends: 5, connectionsPerSecond: 300 };

function plan(faults: readonly TimedFault[], changes: Partial<MutantPlan> = {}): MutantPlan {
  return { ...TOWN, ...changes, faults };
}

function at(atMs: number, durationMs: number, fault: Fault): TimedFault {
  return { atMs, durationMs, fault };
}

function patch(file: string, find: string, replace: string): readonly Patch[] {
  return [{ file: `${file}.js`, find, replace }];
}

const hosts = (from: number, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => hostName(from + index));

const HYPARVIEW = 'core/cluster/hyparview';
const LINK_BOOK = 'core/cluster/link-book';
const DETECTOR = 'core/cluster/failure-detector';
const GOSSIP = 'core/cluster/gossip';
const REACHABILITY = 'core/cluster/reachability';
const SHUFFLES = 'core/cluster/shuffles';
const UNTANGLING = 'core/cluster/untangling';

const CRASHES = (actor: string, when: 'before' | 'after' = 'before'): readonly TimedFault[] =>
  hosts(0, 6).flatMap((host) =>
    [7_000, 7_400, 7_800].map((atMs) =>
      at(atMs, 2_000, { kind: 'actor-crash', host, actor: `cluster/${actor}`, nth: 1, when }),
    ),
  );
const ONE_PANICS = [at(8_000, 4_000, { kind: 'panic', host: 'n3', wiped: false })];
const SOME_PANIC = hosts(2, 3).map((host) => at(8_000, 4_000, { kind: 'panic', host, wiped: false }));
const ONE_LEAVES = [at(8_000, 4_000, { kind: 'daemon-stopped', host: 'n3' })];
const SHORT_PAUSES = Array.from({ length: 40 }, (_, index) =>
  at(4_000 + index * 400, 297, { kind: 'host-paused', host: hostName(index % 2) }),
);
/** Bugs of the mesh; most of them were seen in public implementations of these algorithms. */
export const MESH_MUTANTS: readonly Mutant[] = [
  {
    invariant: 'views-bounded',
    bug: 'the passive view grows without bound',
    patches: patch('core/cluster/view', 'if (view.passive.size >= most)', 'if (false)'),
    plan: plan([at(7_000, 3_000, { kind: 'mesh-liar', host: 'n2', how: 'phantoms' })]),
  },
  {
    invariant: 'views-bounded',
    bug: 'nobody is put out for whom there is no room',
    patches: patch(HYPARVIEW, 'while (this.#view.active.size >= this.#settings.active)', 'while (false)'),
    plan: plan([]),
  },
  {
    invariant: 'views-bounded',
    bug: 'who becomes a neighbour stays in the passive view',
    patches: patch(
      HYPARVIEW,
      'this.#view.passive.delete(peer);\n        this.#died.delete(peer);',
      'this.#died.delete(peer);',
    ),
    plan: plan([]),
  },
  {
    invariant: 'stale-links-silent',
    bug: 'the end of an older link is taken for the death of the neighbour',
    patches: patch(
      HYPARVIEW,
      "if (isNeighbour(this.#view, link))\n            this.#lose(link, 'died');\n        else if (request",
      "if (this.#view.active.has(link.peer.endpoint))\n            this.#lose(link, 'died');\n        else if (request",
    ),
    plan: plan([]),
  },
  {
    invariant: 'stale-links-silent',
    bug: 'a walk that ends makes a neighbour of whoever it was for, without a link of its own',
    patches: patch(
      HYPARVIEW,
      'if (known)\n            return;',
      'if (known)\n            return;\n        this.#view.active.set(joiner, [...this.#view.active.values()][0] ?? { link: { id: -1 } });',
    ),
    plan: plan([]),
  },
  {
    invariant: 'links-as-views',
    bug: 'a pinger that starts anew watches nobody',
    patches: patch(
      'actors/cluster/pinger',
      'for (const { link } of state.view.active.values())\n                perform(detector.add(link, clock.nowMs()));',
      '',
    ),
    plan: plan(CRASHES('pinger')),
  },
  {
    invariant: 'links-symmetric',
    bug: 'who is put out is not told, and its pings are answered',
    patches: [
      ...patch(HYPARVIEW, "why: 'evicted' });\n        this.#part(link.id);", "why: 'evicted' });"),
      ...patch(HYPARVIEW, 'if (this.#links.isIdle(id))', 'if (false)'),
      ...patch(LINK_BOOK, 'return this.#overdue(nowMs).filter(({ id }) => this.isIdle(id));', 'return [];'),
      ...patch(
        LINK_BOOK,
        'if (!isNeighbour(this.#view, link))\n                nextMs',
        'if (!isNeighbour(this.#view, link) && !this.isIdle(link.id))\n                nextMs',
      ),
    ],
    plan: plan([], { nodes: 20 }),
  },
  {
    invariant: 'one-piece',
    bug: 'nobody whom no path leads to is probed',
    patches: patch('core/cluster/prober', '...missed, ...heardOf', ''),
    plan: plan([], { nodes: 4, durationMs: 26_000 }),
  },
  {
    invariant: 'one-piece',
    bug: 'contacts alone are probed, and all of them are on one side',
    patches: patch('core/cluster/prober', ', ...this.#around.unreachable()', ''),
    plan: plan(
      [
        at(6_000, 12_000, { kind: 'partition', side: hosts(0, 3), oneWay: false }),
        ...hosts(0, 3).map((host) => at(6_000, 60_000, { kind: 'panic', host, wiped: false } as const)),
        at(6_000, 12_000, { kind: 'partition', side: hosts(3, 5), oneWay: false }),
      ],
      { durationMs: 45_000, healMs: 18_000 },
    ),
  },
  {
    invariant: 'one-piece',
    bug: 'whoever says yes to being a neighbour does not add the other one',
    patches: patch(HYPARVIEW, 'if (accepted)\n            this.#admit(link);', 'if (accepted) { }'),
    plan: plan([], { nodes: 4, durationMs: 25_000 }),
  },
  {
    invariant: 'dials-slacken',
    bug: 'a back-off never grows',
    patches: patch('core/cluster/back-off', 'Math.min(this.#mostMs, 2 * delayMs)', 'delayMs'),
    plan: plan([at(8_000, 30_000, { kind: 'partition', side: hosts(0, 10), oneWay: false })], {
      nodes: 20,
      durationMs: 38_000,
      healMs: 38_000,
    }),
  },
  {
    invariant: 'dials-slacken',
    bug: 'the least and the most of a back-off are swapped',
    patches: patch(
      'core/cluster/back-off',
      'constructor(leastMs, mostMs) {',
      'constructor(mostMs, leastMs) {',
    ),
    plan: plan([at(8_000, 60_000, { kind: 'partition', side: hosts(0, 10), oneWay: false })], {
      nodes: 20,
      durationMs: 68_000,
      healMs: 68_000,
    }),
  },
  {
    invariant: 'short-split-mends',
    bug: 'whoever is missed is looked for every ten minutes',
    patches: patch('core/cluster/hyparview-settings', 'probeMostMs: 10_000', 'probeMostMs: 600_000'),
    plan: plan([at(20_000, 2_500, { kind: 'partition', side: hosts(0, 6), oneWay: false })], {
      durationMs: 32_000,
    }),
  },
  {
    invariant: 'neighbours-enough',
    bug: 'a walk that ends is dropped, and nobody looks for more neighbours',
    patches: [
      ...patch(HYPARVIEW, "this.#dial(joiner, 'walk');", ';'),
      ...patch(
        HYPARVIEW,
        'for (const peer of this.#recruiter.due(nowMs))',
        'for (const peer of this.#recruiter.due(nowMs).slice(0, 0))',
      ),
    ],
    plan: plan([]),
  },
  {
    invariant: 'overlay-settles',
    bug: 'every request has high priority, and those without room are asked too',
    patches: [
      ...patch(
        HYPARVIEW,
        "const priority = purpose === 'low' && lost ? 'high' : purpose;",
        "const priority = 'high';",
      ),
      ...patch(
        'core/cluster/recruiter',
        'return degree < this.#settings.active && (size < ENOUGH || this.#around.isReachable(peer));',
        'return true;',
      ),
    ],
    plan: plan([], { nodes: 13, durationMs: 70_000 }),
  },
  {
    invariant: 'overlay-settles',
    bug: 'links are exchanged for others that are no better, for ever',
    patches: [
      ...patch(UNTANGLING, 'neighbours.length > 0 && !neighbours.some', 'true || neighbours.some'),
      ...patch('core/cluster/eviction', 'TANGLED = 3', 'TANGLED = 0'),
    ],
    plan: plan([], { nodes: 24, durationMs: 80_000 }),
  },
  {
    invariant: 'overlay-untangled',
    bug: 'who is asked for a link for the good of all refuses',
    patches: patch(
      'core/cluster/eviction',
      'return this.#isDue(nowMs) && this.hasTangled();',
      'return false;',
    ),
    plan: plan([], { nodes: 24, durationMs: 50_000 }),
  },
  {
    invariant: 'overlay-untangled',
    bug: 'who got a link for the good of all gives the one away that it should keep',
    patches: patch(
      'core/cluster/eviction',
      'return withMost(neighbours, (neighbour) => this.#shared(neighbour));',
      'return withMost(neighbours, (neighbour) => -this.#shared(neighbour));',
    ),
    plan: plan([], { nodes: 24, durationMs: 50_000 }),
  },
  {
    invariant: 'parted-remembered',
    bug: 'who is put out is treated as dead',
    patches: patch(
      HYPARVIEW,
      '// It lives: somebody to ask later.\n        this.#note(link.peer.endpoint);',
      '',
    ),
    plan: plan([]),
  },
  {
    invariant: 'parted-remembered',
    bug: 'who fell silent is asked again',
    patches: patch(HYPARVIEW, "if (why === 'died') {", "if (why === 'nothing') {"),
    plan: plan(ONE_PANICS),
  },
  {
    invariant: 'shuffles-answered',
    bug: 'a shuffle that arrives with its last step is lost',
    patches: patch(
      SHUFFLES,
      'this.#passBack(path, this.somePeers(path[0], peers.length));',
      'if (ttl <= 0) return;\n        this.#passBack(path, this.somePeers(path[0], peers.length));',
    ),
    plan: plan([], { durationMs: 45_000 }),
  },
  {
    invariant: 'versions-grow',
    bug: 'a start does not raise the epoch',
    patches: patch('actors/cluster/cluster-state', 'epoch: epoch + 1, counter: 0', 'epoch, counter: 0'),
    plan: plan([at(8_000, 1_000, { kind: 'daemon-killed', host: 'n2' })]),
  },
  {
    invariant: 'versions-grow',
    bug: 'a counter goes back',
    patches: patch(
      'core/cluster/publisher',
      'this.#state.counter += 1;',
      'this.#state.counter = Math.floor(this.#state.counter * 0.5) + 1;',
    ),
    plan: plan([at(8_000, 1_000, { kind: 'daemon-killed', host: 'n2' })]),
  },
  {
    invariant: 'versions-grow',
    bug: 'records about oneself are never refuted',
    patches: patch(
      'core/cluster/publisher',
      'claimed(version, nowMs) {',
      'claimed(version, nowMs) {\n        if (nowMs > 0) return;',
    ),
    plan: plan([at(8_000, 500, { kind: 'host-killed', host: 'n2', wiped: true })]),
  },
  {
    invariant: 'live-reachable',
    bug: 'records about oneself cannot be refuted: the version stays what it was',
    patches: patch(
      'core/cluster/publisher',
      'Math.max(this.#state.epoch, this.#claimed) + 1',
      'this.#state.epoch',
    ),
    plan: plan([at(8_000, 1_000, { kind: 'mesh-liar', host: 'n2', how: 'in-others-names' })]),
  },
  {
    invariant: 'records-true',
    bug: 'a record is counted up when it is passed on',
    patches: patch(
      GOSSIP,
      'const outcome = this.#table.merge(sealed);',
      'const outcome = this.#table.merge({ ...sealed, record: { ...sealed.record, counter: sealed.record.counter + 1 } });',
    ),
    plan: plan([]),
  },
  {
    invariant: 'records-true',
    bug: 'who sees a lie about itself lets it stand',
    patches: patch(
      GOSSIP,
      '#doubt(claim, nowMs) {',
      '#doubt(claim, nowMs) {\n        if (nowMs > 0) return;',
    ),
    plan: plan([at(8_000, 1_000, { kind: 'mesh-liar', host: 'n2', how: 'in-others-names' })]),
  },
  {
    invariant: 'versions-stay',
    bug: 'whatever came last is kept',
    patches: patch('core/cluster/record-table', 'if (order <= 0)', 'if (order === 0)'),
    plan: plan([...ONE_PANICS, at(7_000, 4_000, { kind: 'mesh-liar', host: 'n2', how: 'old-records' })]),
  },
  {
    invariant: 'news-spread',
    bug: 'news of others are not passed on',
    patches: patch(GOSSIP, 'this.#forward(sealed, from, nowMs, delayMs);', ''),
    plan: plan([at(13_000, 500, { kind: 'daemon-killed', host: 'n2' })], { nodes: 20 }),
  },
  {
    invariant: 'tables-equal',
    bug: 'tables that stay different are never compared, although every third record gets lost',
    patches: [
      ...patch(GOSSIP, 'outlet.differsSinceMs ??= nowMs;', 'return [];'),
      ...patch(
        GOSSIP,
        'this.#forward(sealed, from, nowMs, delayMs);',
        'if (sealed.record.counter % 3 !== 0) this.#forward(sealed, from, nowMs, delayMs);',
      ),
    ],
    plan: plan(ONE_PANICS, { nodes: 20, durationMs: 30_000 }),
  },
  {
    invariant: 'tables-equal',
    bug: 'who asks for records is not answered, and tables that stay different are never compared',
    patches: [
      ...patch(GOSSIP, 'outlet.differsSinceMs ??= nowMs;', 'return [];'),
      ...patch(
        GOSSIP,
        'for (const { origin, kind } of message.keys) {',
        'for (const { origin, kind } of []) {',
      ),
    ],
    // The smaller end of a link asks what is new, and n1 is the smallest. Away for so long that the others' links are settled
    // again, and of so many that few have other links after its return: what changes then comes by itself.
    plan: plan([at(8_000, 16_000, { kind: 'daemon-killed', host: 'n1' })], {
      nodes: 80,
      healMs: 25_000,
      durationMs: 41_000,
    }),
  },
  {
    invariant: 'copies-bounded',
    bug: 'what is known already is passed on again',
    patches: [
      ...patch(GOSSIP, 'if (sealed === this.#table.record(origin, sealed.record.kind))', 'if (false)'),
      ...patch(
        GOSSIP,
        "if (outcome === 'newer') {",
        "if (outcome === 'newer' || (nowMs % 2 < 1.9 && outcome === 'known')) {",
      ),
    ],
    plan: plan([]),
  },
  {
    invariant: 'tree-as-searched',
    bug: 'a way that is gone leaves the tree as it was',
    patches: patch(REACHABILITY, 'else\n            this.#settle(this.#uproot(child));', ''),
    plan: plan(ONE_PANICS),
  },
  {
    invariant: 'tree-as-searched',
    bug: 'a new link makes no way shorter',
    patches: patch(
      REACHABILITY,
      'if (gap > 1)\n            this.#settle([[far, Math.min(atA, atB) + 1]]);\n        else if (',
      'if (gap === 1 && ',
    ),
    plan: plan(ONE_PANICS),
  },
  {
    invariant: 'tree-as-searched',
    bug: 'what hung below a lost way is lost, too',
    patches: patch(REACHABILITY, 'ends.push([node, nearest + 1]);', ';'),
    plan: plan(ONE_PANICS, { nodes: 20 }),
  },
  {
    invariant: 'tree-as-searched',
    bug: 'who comes nearer is not passed on to those behind it',
    patches: patch(REACHABILITY, 'offer(neighbour, steps + 1);', ''),
    plan: plan(ONE_PANICS),
  },
  {
    invariant: 'dead-unreachable',
    bug: 'a link counts when one of its ends lists the other',
    patches: patch(
      REACHABILITY,
      'return this.#said.get(node)?.neighbours.has(neighbour) === true;',
      'return true;',
    ),
    plan: plan(ONE_PANICS),
  },
  {
    invariant: 'tree-as-searched',
    bug: 'a single witness of a death is believed',
    patches: patch(REACHABILITY, '3 * witnesses >= 2 * neighbours.size && ', ''),
    plan: plan(SOME_PANIC),
  },
  {
    invariant: 'tree-as-searched',
    bug: 'who is said to have died stays dead, whatever it says later',
    patches: patch(REACHABILITY, ' && compareVersions(death, version) >= 0', ''),
    plan: plan([8_000, 12_000, 16_000, 20_000].map((ms) => at(ms, 900, { kind: 'host-paused', host: 'n2' }))),
  },
  {
    invariant: 'dead-unreachable',
    bug: 'silence has no consequences',
    patches: patch(
      DETECTOR,
      "effects.push({ kind: 'cut', id: link.id, silentMs: nowMs - watched.heardMs });",
      '',
    ),
    plan: plan(ONE_PANICS),
  },
  {
    invariant: 'dead-unreachable',
    bug: 'a miss is noticed after 2.5 s',
    patches: patch(DETECTOR, 'missLeastMs: 250', 'missLeastMs: 2500'),
    plan: plan(ONE_PANICS),
  },
  {
    invariant: 'no-false-death',
    bug: 'one ping without an answer is the end',
    patches: patch(DETECTOR, 'const isCut = waiting.suspected || !reping;', 'const isCut = true;'),
    plan: plan(SHORT_PAUSES, { nodes: 2 }),
  },
  {
    invariant: 'no-false-death',
    bug: 'a membership that starts anew takes all its neighbours for dead',
    patches: patch(HYPARVIEW, 'if (open.has(link.id))', 'if (!open.has(link.id))'),
    plan: plan(CRASHES('membership')),
  },
  {
    invariant: 'leave-is-no-death',
    bug: 'who leaves does not say so',
    patches: patch(GOSSIP, 'this.#left = true;', ''),
    plan: plan(ONE_LEAVES),
  },
  {
    invariant: 'same-name-said',
    bug: 'two of one name are none too many',
    patches: patch('core/cluster/liveness', 'if (owners.size < 2)', 'if (owners.size < 3)'),
    plan: plan([at(7_000, 11_000, { kind: 'same-name', host: 'n2', as: 'n4' })]),
  },
  {
    invariant: 'balancers-told',
    bug: 'balancers are not told who is gone',
    patches: patch('actors/cluster/reachability', 'directory.unreachable = now;', ''),
    plan: plan(ONE_PANICS, { nodes: 4 }),
  },
  {
    invariant: 'balancers-told',
    bug: 'a balancer that runs already hears nothing of it',
    patches: patch(
      'core/balancer/balancer',
      'if (unreachable !== this.#avoided)',
      'if (this.#avoided === NOWHERE)',
    ),
    plan: plan(ONE_PANICS, { nodes: 4 }),
  },
  {
    invariant: 'dead-handshakes-dropped',
    bug: 'half-open connections to a dead machine stay',
    patches: patch('actors/cluster/reachability', 'dropHandshakes();', ''),
    plan: plan(ONE_PANICS, MARKET),
  },
  {
    invariant: 'dead-avoided',
    bug: 'a balancer takes everybody for reachable',
    patches: patch(
      'core/balancer/balancer',
      'backend.reachable = !unreachable.has(backend.address);',
      'backend.reachable = true;',
    ),
    plan: plan(ONE_PANICS, MARKET),
  },
  {
    invariant: 'quiet-cost',
    bug: 'neighbours are pinged four times a second',
    patches: patch(DETECTOR, 'intervalMs: 1000', 'intervalMs: 250'),
    plan: plan([], { durationMs: 25_000 }),
  },
  {
    invariant: 'no-melt-down',
    bug: 'alarms are passed on for ever',
    patches: [
      ...patch(DETECTOR, 'Math.min(steps, SUSPECT_STEPS) - 1, from', '4, from'),
      // Once a millisecond, since they multiply without end otherwise.
      ...patch(DETECTOR, 'if (lastMs !== undefined && nowMs - lastMs < RELAY_MS)', 'if (nowMs - lastMs < 1)'),
      ...patch(DETECTOR, 'if (this.#relayed.size >= RELAYS_PER_SECOND)', 'if (false)'),
    ],
    plan: plan(SOME_PANIC, { durationMs: 9_200, healMs: 9_000 }),
  },
  {
    invariant: 'honest-stay',
    bug: 'a peer may send five messages at once',
    patches: patch('core/cluster/link-budget', 'framesAtOnce: 5000', 'framesAtOnce: 5'),
    plan: plan([]),
  },
];
