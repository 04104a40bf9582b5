import type { Fault, Plan, TimedFault } from '../../../src/sim/plan/plan.js';
import type { Patch } from './patched.js';

/** A bug put into a copy of the code in memory, and the invariant that must notice it. */
export interface Mutant {
  readonly invariant: string;
  /** What is wrong, as a sentence. */
  readonly bug: string;
  readonly patches: readonly Patch[];
  readonly plan: MutantPlan;
}

/** A small plan without its seed. */
export type MutantPlan = Omit<Plan, 'seed' | 'scenario'>;

/** Seeds that a mutant is tried with at most. */
export const SEEDS: readonly number[] = [1, 2, 3, 4, 5];

const QUIET: MutantPlan = {
  nodes: 2,
  durationMs: 30_000,
  healMs: 10_000,
  vips: 2,
  backends: 6,
  connectionsPerSecond: 20,
  longConnections: 2,
  mesh: false,
  source: 'file',
  faults: [],
};

function plan(changes: Partial<MutantPlan>): MutantPlan {
  return { ...QUIET, ...changes };
}

function at(atMs: number, durationMs: number, fault: Fault): TimedFault {
  return { atMs, durationMs, fault };
}

/** An actor crashes at every so-manieth message: `count` times, `everyMs` apart. */
function crashes(
  actor: string,
  count = 1,
  everyMs = 500,
  when: 'before' | 'after' = 'before',
  host = 'n1',
): readonly TimedFault[] {
  return Array.from({ length: count }, (_, index) =>
    at(9_000 + index * everyMs, 2_000, { kind: 'actor-crash', host, actor, nth: 1, when }),
  );
}

function patch(file: string, find: string, replace: string): readonly Patch[] {
  return [{ file, find, replace }];
}

const WORKER = 'actors/data-plane/nfqueue-worker.js';
const BALANCER = 'core/balancer/balancer.js';
const PICK = 'core/balancer/pick.js';
const CIRCUIT = 'core/balancer/circuit.js';
const IPSET = 'actors/data-plane/ipset-manager.js';
const FIREWALL = 'actors/data-plane/firewall-manager.js';
const MANAGER = 'actors/data-plane/balancer-manager.js';
const KERNEL = 'sim/kernel/host-kernel.js';

/** All backends refuse or are silent, or some of them. */
function troubled(
  kind: 'backend-refuses' | 'backend-silent',
  backends: readonly number[],
  forMs: number,
): readonly TimedFault[] {
  return backends.map((backend) => at(8_000, forMs, { kind, backend }));
}

const TASKS_COME_AND_GO: readonly TimedFault[] = [
  at(9_000, 0, { kind: 'tasks', how: 'kill', count: 1 }),
  at(11_000, 0, { kind: 'tasks', how: 'add', count: 2 }),
  at(13_000, 0, { kind: 'tasks', how: 'remove-vip', count: 1 }),
];

export const MUTANTS: readonly Mutant[] = [
  {
    invariant: 'one-verdict',
    bug: 'a worker that starts anew does not ask for what is outstanding',
    patches: patch(WORKER, 'take(state, queue.outstanding(), self);', ''),
    plan: plan({ faults: crashes('nfqueue-5', 3) }),
  },
  {
    invariant: 'one-verdict',
    bug: 'nobody lets go of what a daemon holds that stands still',
    patches: patch('sim/kernel/queue-warden.js', 'if (silent)', 'if (!silent)'),
    plan: plan({ faults: [at(9_000, 9_000, { kind: 'daemon-paused', host: 'n1' })] }),
  },
  {
    invariant: 'one-verdict',
    bug: 'a SYN is never given up',
    patches: [
      ...patch(WORKER, 'const ATTEMPTS_MOST = 2;', 'const ATTEMPTS_MOST = 9;'),
      ...patch(WORKER, "entry.mailbox.send({ kind: 'place', syns: group, replyTo });", ''),
    ],
    plan: plan({}),
  },
  {
    invariant: 'accepted-means-answered',
    bug: 'the refusing rule lets every other SYN pass and swallows it',
    patches: patch(
      KERNEL,
      'if (this.refused(out, entry, inInterface, local)) {',
      'if (this.refused(out, entry, inInterface, local)) { if (packet.from % 2 === 0) return;',
    ),
    plan: plan({ faults: [at(9_000, 0, { kind: 'tasks', how: 'kill', count: 6 })] }),
  },
  {
    invariant: 'no-vain-refusal',
    bug: 'every seventh SYN is refused whatever the balancer says',
    patches: patch(
      WORKER,
      'if (backend === undefined)\n                            refused.push',
      'if (backend === undefined || syn.id % 7 === 0)\n                            refused.push',
    ),
    plan: plan({}),
  },
  {
    invariant: 'full-defers',
    bug: 'a SYN without room for its entry is accepted',
    patches: patch(
      WORKER,
      "telemetry.created('full');\n                    deferred.push(placement.syn);",
      "telemetry.created('full');\n                    mapped.push(placement.syn);",
    ),
    plan: plan({ faults: [at(9_000, 3_000, { kind: 'conntrack-full', host: 'n1' })] }),
  },
  {
    invariant: 'nothing-leaks',
    bug: 'the refusing rule looks into the wrong set',
    patches: patch(KERNEL, 'if (this.sets.has(set, out.to))', 'if (this.sets.has(`${set}-tmp`, out.to))'),
    plan: plan({ faults: [at(9_000, 0, { kind: 'tasks', how: 'kill', count: 6 })] }),
  },
  {
    invariant: 'connected-where-placed',
    bug: 'a kernel says that it made an entry where there is one already',
    patches: patch(
      'sim/kernel/conntrack-port.js',
      "return { kind: 'exists', entry: this.entryOf(mapping) };",
      'return MADE;',
    ),
    plan: plan({ faults: troubled('backend-silent', [0, 1, 2], 3_000) }),
  },
  {
    invariant: 'live-entry-stays',
    bug: 'all entries are thrown away when VIPs go',
    patches: patch(
      MANAGER,
      'pool.stop(removed.map(formatEndpoint));',
      'pool.stop(removed.map(formatEndpoint)), options.conntrack.removeAll();',
    ),
    plan: plan({ vips: 3, longConnections: 6, faults: TASKS_COME_AND_GO }),
  },
  {
    invariant: 'established-survives',
    bug: 'all entries are thrown away when VIPs go',
    patches: patch(
      MANAGER,
      'pool.stop(removed.map(formatEndpoint));',
      'pool.stop(removed.map(formatEndpoint)), options.conntrack.removeAll();',
    ),
    plan: plan({ vips: 3, longConnections: 6, faults: TASKS_COME_AND_GO }),
  },
  {
    invariant: 'established-survives',
    bug: 'a daemon that ends takes the hooks along that connections need',
    patches: patch('actors/node.js', 'conntrack.countOurs() > 0', 'false'),
    plan: plan({ longConnections: 6, faults: [at(9_000, 12_000, { kind: 'daemon-stopped', host: 'n1' })] }),
  },
  {
    invariant: 'retry-keeps-or-moves',
    bug: 'a retry keeps its backend whatever is known of it',
    patches: patch(BALANCER, 'backend.looksAlive()', 'true'),
    plan: plan({ faults: troubled('backend-silent', [0, 1], 5_000) }),
  },
  {
    invariant: 'retry-keeps-or-moves',
    bug: 'a retry always moves',
    patches: patch(BALANCER, 'backend.looksAlive()', 'false'),
    plan: plan({ faults: [at(9_000, 5_000, { kind: 'loss', from: 'n1', to: 'n2', probability: 0.3 })] }),
  },
  {
    invariant: 'reply-tuples-unique',
    // No request of the daemon can do this: who makes entries is not asked whether replies may look alike.
    bug: 'a kernel does not look whether the reply tuple is taken when a port is used for a sibling VIP',
    patches: [
      ...patch(
        'sim/kernel/conntrack-table.js',
        'if (this.find(entry.backend, entry.seen) !== undefined)',
        'if (false)',
      ),
      ...patch('sim/kernel/conntrack-port.js', 'this.table.makeReplyUnique(entry);', ''),
    ],
    plan: plan({ connectionsPerSecond: 60 }),
  },
  {
    invariant: 'entries-end',
    bug: 'a kernel does not see that connections end',
    patches: patch(
      'sim/kernel/conntrack-table.js',
      'entry.state = next;',
      'if (next <= 3) entry.state = next;',
    ),
    plan: plan({}),
  },
  {
    invariant: 'set-never-less',
    bug: 'a set is edited by taking all out first',
    patches: patch(IPSET, '[...written].filter((vip) => !desired.has(vip))', '[...written]'),
    plan: plan({ vips: 3, faults: TASKS_COME_AND_GO }),
  },
  {
    invariant: 'set-as-desired',
    bug: 'VIPs that go stay in the set',
    patches: patch(IPSET, 'state.desired.delete(vip);', ';'),
    plan: plan({ vips: 3, faults: TASKS_COME_AND_GO, source: 'mesos-master', durationMs: 40_000 }),
  },
  {
    invariant: 'set-as-desired',
    bug: 'nobody looks whether the set is as it was left',
    patches: patch(IPSET, 'state.doubtful = !intact ||', 'state.doubtful ='),
    plan: plan({ faults: [at(9_000, 0, { kind: 'set-spoilt', host: 'n1', how: 'emptied' })] }),
  },
  {
    invariant: 'rules-once',
    bug: 'rules are looked at once a minute only',
    patches: patch(FIREWALL, 'firewall.fingerprint() !== state.fingerprint', 'false'),
    plan: plan({ faults: [at(9_000, 0, { kind: 'rules-flushed', host: 'n1', table: 'raw' })] }),
  },
  {
    invariant: 'rules-once',
    bug: 'rules are put in without looking whether they stand',
    patches: patch('sim/kernel/firewall-port.js', 'repair(plan, standing)', 'repair(plan, [])'),
    plan: plan({ faults: [at(9_000, 2_000, { kind: 'daemon-killed', host: 'n1' })] }),
  },
  {
    invariant: 'pick-from-snapshot',
    bug: 'a backend that left stays in the table that picks are from',
    patches: patch(
      BALANCER,
      'this.#table = new BackendTable([...this.#byEndpoint.values()]);',
      'if (this.#table.backends.length < this.#byEndpoint.size) this.#table = new BackendTable([...this.#byEndpoint.values()]);',
    ),
    plan: plan({ faults: TASKS_COME_AND_GO }),
  },
  {
    invariant: 'pick-best-class',
    bug: 'among few backends the class does not matter',
    patches: patch(PICK, 'if (bucket > best)', 'if (false)'),
    plan: plan({ faults: troubled('backend-refuses', [0, 1, 2, 3], 15_000), connectionsPerSecond: 40 }),
  },
  {
    invariant: 'pick-best-class',
    bug: 'among many backends the first one serves, whatever its class',
    patches: patch(PICK, 'bucket === 0 && bestBucket === 0', 'bestBucket < 3'),
    plan: plan({
      vips: 1,
      backends: 14,
      faults: troubled('backend-refuses', [0, 1, 2, 3, 4, 5, 6, 7], 20_000),
      connectionsPerSecond: 60,
    }),
  },
  {
    invariant: 'pick-cheaper',
    bug: 'of two the dearer serves',
    patches: patch(
      PICK,
      'table.cost(b, nowMs) < CLEARLY_CHEAPER * table.cost(a, nowMs)',
      'table.cost(b, nowMs) > table.cost(a, nowMs)',
    ),
    plan: plan({ faults: [at(6_000, 20_000, { kind: 'backend-slow', backend: 0, extraMs: 50 })] }),
  },
  {
    invariant: 'pick-looks',
    bug: 'a pick among many looks at forty',
    patches: patch(PICK, 'const DRAWS_MOST = 20;', 'const DRAWS_MOST = 40;'),
    plan: plan({
      vips: 1,
      backends: 44,
      faults: troubled(
        'backend-refuses',
        Array.from({ length: 42 }, (_, index) => index),
        20_000,
      ),
      connectionsPerSecond: 150,
    }),
  },
  {
    invariant: 'pending-in-flight',
    bug: 'a handshake that ends stays counted as pending',
    patches: patch(BALANCER, 'handshake.backend.pending -= 1;', ''),
    plan: plan({}),
  },
  {
    invariant: 'pending-in-flight',
    bug: 'a handshake that ends is counted twice',
    patches: patch(BALANCER, 'handshake.backend.pending -= 1;', 'handshake.backend.pending -= 2;'),
    plan: plan({}),
  },
  {
    invariant: 'pending-in-flight',
    bug: 'a retry is not counted',
    patches: patch(
      BALANCER,
      'this.#track(client, backend, nowMs);\n            return existing;',
      'return existing;',
    ),
    plan: plan({ faults: [at(9_000, 9_000, { kind: 'loss', from: 'n1', to: 'n2', probability: 0.3 })] }),
  },
  {
    invariant: 'lost-events-made-up',
    bug: 'nobody looks at the entries when events were lost',
    patches: patch(
      'actors/data-plane/connection-observer.js',
      'telemetry.eventsOverran();\n                    resynchronise();',
      'telemetry.eventsOverran();',
    ),
    plan: plan({ faults: [at(9_000, 5_000, { kind: 'events-lost', host: 'n1', share: 1, told: true })] }),
  },
  {
    invariant: 'circuits-keep-count',
    bug: 'six failures are needed instead of five',
    patches: patch(
      CIRCUIT,
      'this.consecutiveFailures < failureThreshold',
      'this.consecutiveFailures <= failureThreshold',
    ),
    plan: plan({ faults: troubled('backend-refuses', [0, 1], 15_000), connectionsPerSecond: 40 }),
  },
  {
    invariant: 'circuits-keep-count',
    bug: 'a success does not forget failures',
    patches: patch('core/balancer/backend.js', 'this.#circuit?.succeeded();', ''),
    // Several short times, in each of which fewer fail than open a circuit.
    plan: plan({
      faults: [6_000, 8_000, 10_000, 12_000, 14_000].flatMap((atMs) =>
        [0, 1].map((backend) => at(atMs, 400, { kind: 'backend-refuses', backend })),
      ),
    }),
  },
  {
    invariant: 'circuits-keep-count',
    bug: 'the back-off takes a minute',
    patches: patch(CIRCUIT, 'nowMs - newestMs >= backoffMs', 'nowMs - newestMs >= 2 * backoffMs'),
    plan: plan({
      durationMs: 60_000,
      faults: troubled('backend-refuses', [0, 1], 5_000),
      connectionsPerSecond: 40,
    }),
  },
  {
    invariant: 'equals-share',
    bug: 'the first of the table is always among the two',
    patches: patch(PICK, 'const first = draw(order, 0, members, random);', 'const first = order[0];'),
    plan: plan({ vips: 1, backends: 4, connectionsPerSecond: 40 }),
  },
  {
    invariant: 'recovered-serves',
    bug: 'a backend that was unavailable is never tried again',
    patches: patch(CIRCUIT, '|| nowMs - newestMs >= backoffMs', ''),
    plan: plan({
      vips: 1,
      backends: 3,
      durationMs: 60_000,
      faults: troubled('backend-refuses', [0], 5_000),
      connectionsPerSecond: 40,
    }),
  },
  {
    invariant: 'news-everywhere',
    bug: 'tasks whose health check fails are kept',
    patches: patch('core/mesos/task-vips.js', 'statuses[0]?.healthy === false', 'false'),
    plan: plan({
      source: 'mesos-master',
      faults: [at(9_000, 15_000, { kind: 'tasks', how: 'unhealthy', count: 2 })],
    }),
  },
  {
    invariant: 'table-as-served',
    bug: 'VIPs that are gone are not noticed',
    patches: patch('core/vips.js', 'if (!after.has(vip))', 'if (false)'),
    plan: plan({
      vips: 3,
      faults: [
        at(9_000, 0, { kind: 'tasks', how: 'remove-vip', count: 1 }),
        at(12_000, 0, { kind: 'tasks', how: 'kill', count: 1 }),
      ],
    }),
  },
  {
    invariant: 'table-as-served',
    bug: 'what a deposed master says is taken for new',
    patches: patch('core/mesos/master-view.js', 'isOlder(state.election, view.election)', 'false'),
    plan: plan({
      source: 'mesos-master',
      durationMs: 40_000,
      faults: [...TASKS_COME_AND_GO, at(22_000, 8_000, { kind: 'master', how: 'stale' })],
    }),
  },
  {
    invariant: 'no-vip-lost',
    bug: 'agents that have not registered with a new master lose their tasks at once',
    patches: patch('core/mesos/master-view.js', '!isSameElection(view.election, state.election)', 'false'),
    plan: plan({
      source: 'mesos-master',
      vips: 4,
      backends: 4,
      faults: [at(9_000, 0, { kind: 'master', how: 'fail-over' })],
    }),
  },
  {
    invariant: 'directory-follows',
    bug: 'a source that fails loses its VIPs',
    patches: patch(
      'actors/vips/vip-table.js',
      "case 'failed':\n",
      "case 'failed':\n                    tell(true, { upserts: new Map(), removed: [] });\n",
    ),
    plan: plan({ source: 'mesos-master', faults: [at(9_000, 10_000, { kind: 'master', how: 'error-500' })] }),
  },
  {
    invariant: 'directory-follows',
    bug: 'balancers are not told of changed backends',
    patches: patch(MANAGER, "entry.mailbox.send({ kind: 'changed' });", ''),
    plan: plan({ faults: TASKS_COME_AND_GO }),
  },
  {
    invariant: 'news-everywhere',
    bug: 'a source is read every fifteen seconds',
    patches: patch(
      'actors/vips/vip-poller.js',
      'self.sendAfter(pollIntervalMs *',
      'self.sendAfter(3 * pollIntervalMs *',
    ),
    plan: plan({ source: 'mesos-master', faults: [at(16_500, 0, { kind: 'tasks', how: 'kill', count: 1 })] }),
  },
  {
    invariant: 'restart-budget',
    bug: 'six restarts are granted instead of five',
    patches: patch(
      'actors/supervision/restart-intensity.js',
      'recent.length < intensity.restarts',
      'recent.length <= intensity.restarts',
    ),
    plan: plan({ faults: crashes('connection-observer', 9, 300) }),
  },
  {
    invariant: 'restart-budget',
    bug: 'four restarts are granted instead of five',
    patches: patch(
      'actors/supervision/restart-intensity.js',
      'recent.length < intensity.restarts',
      'recent.length + 1 < intensity.restarts',
    ),
    plan: plan({ faults: crashes('connection-observer', 9, 300) }),
  },
  {
    invariant: 'one-at-a-time',
    bug: 'a message is handled at once instead of in its turn',
    patches: patch(
      'actors/supervision/actor-cell.js',
      'this.countSent(runtime);\n        this.turn.ask();',
      'this.countSent(runtime);\n        if (this.life !== undefined) this.takeTurn(); else this.turn.ask();',
    ),
    plan: plan({ durationMs: 10_000, healMs: 5_000 }),
  },
  {
    invariant: 'mailboxes-bounded',
    bug: 'a mailbox holds one message only',
    patches: patch(
      'actors/supervision/actor.js',
      'const MAILBOX_LIMIT = 100_000;',
      'const MAILBOX_LIMIT = 1;',
    ),
    plan: plan({ connectionsPerSecond: 100 }),
  },
  {
    invariant: 'no-orphan-timers',
    bug: 'timers outlive their incarnation, and their messages are taken',
    patches: patch('actors/supervision/incarnation.js', 'this.alive = false;', 'return;'),
    plan: plan({ faults: crashes('ipset-manager', 2, 2_300, 'after') }),
  },
  {
    invariant: 'no-orphan-timers',
    bug: 'a killed process goes on',
    patches: [
      ...patch('sim/engine/process.js', "this.state === 'running' && !this.draining", '!this.draining'),
      ...patch('sim/fleet/daemon.js', 'this.node.system.abandon();', ''),
    ],
    plan: plan({ faults: [at(9_000, 5_000, { kind: 'daemon-killed', host: 'n1' })] }),
  },
  {
    invariant: 'ready-soon',
    bug: 'the rules are never reported to be in place',
    patches: patch(FIREWALL, "readiness.ready('rules');", ''),
    plan: plan({}),
  },
  {
    invariant: 'crash-leaves-no-trace',
    bug: 'a table that starts anew tells that there is nothing',
    patches: patch(
      'actors/vips/vip-table.js',
      'if (known)\n                tell(true, everything(state));',
      'if (known)\n                tell(true, { upserts: new Map(), removed: [] });',
    ),
    plan: plan({ faults: [...crashes('vip-table'), at(9_100, 0, { kind: 'tasks', how: 'kill', count: 1 })] }),
  },
  {
    invariant: 'crash-leaves-no-trace',
    bug: 'a balancer that starts anew knows no backends',
    patches: patch(
      'actors/data-plane/balancer.js',
      'balancer.setBackends(entry.backends);\n            entry.balancer',
      'if (entry.balancer === undefined)\n                balancer.setBackends(entry.backends);\n            entry.balancer',
    ),
    plan: plan({ faults: crashes('balancers/', 1) }),
  },
  {
    invariant: 'connects-when-well',
    bug: 'a worker that starts anew is deaf',
    patches: patch(WORKER, 'syns, life }));', 'syns, life: 1 }));'),
    plan: plan({ durationMs: 40_000, faults: crashes('nfqueue-5', 2) }),
  },
  {
    invariant: 'well-at-the-end',
    bug: 'a handshake that ends stays counted as pending',
    patches: patch(BALANCER, 'handshake.backend.pending -= 1;', ''),
    plan: plan({}),
  },
];
