import seedrandom from 'seedrandom';
import { type Node, startNode } from '../../src/actors/node.js';
import type { ActorMonitor, ExitReason } from '../../src/actors/supervision/system.js';
import { type Endpoint, formatEndpoint } from '../../src/core/endpoint.js';
import type { Flow } from '../../src/ports/conntrack.js';
import type { Syn } from '../../src/ports/packet-queue.js';
import type { World } from '../../src/ports/world.js';
import { at } from './endpoints.js';
import { ManualTime } from './manual-time.js';
import { MemoryKernel } from './memory-kernel.js';
import { RecordingLog } from './recording-log.js';
import { ScriptedSource } from './scripted-source.js';
import { textOf, type VipsText } from './vips.js';

const SETTINGS = {
  plan: { ipset: 'minuteman', firstQueue: 50, queues: 2 },
  keepRulesOnExit: false,
  masquerade: [],
  balancer: { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 },
};

const X = '10.2.0.1:80';
const Y = '10.2.0.2:80';
const Z = '10.2.0.3:80';
const BALANCED = '10.1.0.1:80';
const SHORT_LIVED = '10.1.0.2:80';
const WITHOUT_BACKENDS = '10.1.0.3:80';
const OF_THE_OTHER_SOURCE = '10.1.0.4:80';
const LATE = '10.1.0.5:80';
const NEVER_HEARD_OF = '10.1.0.9:80';
/** VIPs that are desired from the first to the last moment. */
const LASTING = [BALANCED, WITHOUT_BACKENDS, OF_THE_OTHER_SOURCE];

/** What became of a connection in the end. */
type Fate = 'no verdict' | 'dropped' | 'refused' | `to ${string}`;

/** Where a whole node stands when everything is quiet again. */
export interface Outcome {
  readonly set: readonly string[] | undefined;
  readonly rules: readonly string[];
  readonly directory: VipsText;
  readonly healthy: readonly string[];
  readonly pending: number;
  readonly held: number;
  readonly timers: number;
  readonly fates: Readonly<Record<string, string>>;
  /** What must never be, whatever crashes; empty if nothing of it was. */
  readonly breaches: readonly string[];
}

/**
 * One node in a world that acts by a script: VIPs come and go, clients connect, try again and reuse ports,
 * backends answer, refuse and keep silent, somebody flushes the rules and destroys the set, the node stops.
 */
export class Scenario {
  readonly time = new ManualTime();
  readonly log = new RecordingLog();
  readonly kernel = new MemoryKernel(this.time);
  readonly exits: ExitReason[] = [];
  readonly #one = new ScriptedSource('one', this.time);
  readonly #two = new ScriptedSource('two', this.time);
  readonly #node: Node;
  readonly #breaches = new Set<string>();
  readonly #connections = new Map<string, { readonly flow: Flow; readonly queue: number; syn: Syn }>();
  #seenLasting = false;

  /** `world` may stand in for parts of the world, to break them. */
  constructor(monitor: ActorMonitor, world: (world: World) => World = (same) => same) {
    const { time, log, kernel } = this;
    const sources = [this.#one, this.#two].map((source) => ({ source, pollIntervalMs: 5_000 }));
    this.#node = startNode(
      world({
        clock: time,
        timers: time,
        random: (purpose) => ({ next: seedrandom(purpose) }),
        log,
        kernel,
        sources,
      }),
      SETTINGS,
      { onReady: () => {}, onExit: (reason) => this.exits.push(reason) },
      monitor,
    );
  }

  async run(): Promise<Outcome> {
    const { kernel } = this;
    const one = this.#one;
    one.serve({ [BALANCED]: [X, Y], [SHORT_LIVED]: [X], [WITHOUT_BACKENDS]: [] });
    this.#two.serve({ [OF_THE_OTHER_SOURCE]: [Y] });
    await this.#pass(200);

    for (const client of ['a', 'b', 'c', 'silent']) this.#connect(client, BALANCED);
    this.#connect('short', SHORT_LIVED);
    this.#connect('nobody', WITHOUT_BACKENDS);
    this.#connect('other', OF_THE_OTHER_SOURCE, 51);
    this.#connect('lost', NEVER_HEARD_OF, 51);
    await this.#pass(20);
    this.#answer('silent');
    await this.#settle('silent');

    // A SYN again, a stray one on a live connection, a port used again.
    this.#again('silent');
    this.#again('a');
    kernel.conntrack.become(this.#flow('other'), 'time-wait');
    this.#again('other');
    await this.#pass(20);
    this.#answer();
    await this.#settle();

    one.serve({ [BALANCED]: [Y], [WITHOUT_BACKENDS]: [], [LATE]: [Z] });
    await this.#pass(500);
    this.#connect('edited', BALANCED);
    this.#connect('late', LATE, 51);
    this.#connect('gone', SHORT_LIVED);
    await this.#settle('late');
    kernel.conntrack.refuse(this.#flow('late'));
    await this.#pass(100);

    kernel.firewall.flush();
    kernel.addressSet.sets.clear();
    this.#seenLasting = false;
    await this.#pass(3_000);
    this.#connect('restored', BALANCED);
    await this.#settle();
    kernel.conntrack.deaf = true;
    this.#connect('unheard', BALANCED, 51);
    await this.#pass(20);
    this.#answer();
    kernel.conntrack.deaf = false;
    kernel.conntrack.overrun();
    await this.#settle();

    one.serve({ [BALANCED]: [], [WITHOUT_BACKENDS]: [], [LATE]: [Z] });
    await this.#pass(500);
    this.#connect('emptied', BALANCED);
    await this.#settle();

    await this.#pass(5_000);
    const outcome = await this.#outcome();
    await this.#stop();
    return { ...outcome, breaches: [...this.#breaches] };
  }

  #connect(name: string, vip: string, queue = 50): void {
    const port = 40_000 + this.#connections.size;
    const flow = { client: at(`10.9.0.1:${port}`), vip: at(vip) };
    this.#connections.set(name, { flow, queue, syn: this.#arrive(flow, queue) });
  }

  #again(name: string): void {
    const connection = this.#connections.get(name)!;
    connection.syn = this.#arrive(connection.flow, connection.queue);
  }

  #arrive(flow: Flow, queue: number): Syn {
    const opened = this.kernel.queues.opened.get(queue);
    if (opened === undefined) throw new Error(`nobody reads queue ${queue}`);
    return opened.arrive(flow)[0]!;
  }

  #flow(name: string): Flow {
    return this.#connections.get(name)!.flow;
  }

  /** Every handshake finishes, but that of `silent`. */
  #answer(silent?: string): void {
    for (const entry of this.kernel.conntrack.handshakes()) {
      if (silent === undefined || entry.client !== this.#flow(silent).client)
        this.kernel.conntrack.answer(entry);
    }
  }

  /** A second passes; clients whose SYN was dropped try again. */
  async #settle(silent?: string): Promise<void> {
    await this.#pass(400);
    for (const [name, { syn }] of this.#connections) {
      const verdict = this.kernel.queues.verdicts.find((given) => given.syn === syn);
      if (verdict?.verdict === 'drop') this.#again(name);
    }
    await this.#pass(300);
    this.#answer(silent);
    await this.#pass(300);
  }

  #fate(name: string): Fate {
    const { flow, syn } = this.#connections.get(name)!;
    const verdict = this.kernel.queues.verdicts.find((given) => given.syn === syn);
    if (verdict === undefined) return 'no verdict';
    if (verdict.verdict === 'drop') return 'dropped';
    const [entry] = this.kernel.conntrack.lookup([flow]);
    if (entry === undefined) return 'refused';
    // Which of two backends is up to chance; a client that came before the edit may be on either.
    const backend = formatEndpoint(entry.backend);
    return `to ${[X, Y].includes(backend) ? 'X or Y' : backend} ${entry.state}`;
  }

  async #pass(ms: number): Promise<void> {
    const { time } = this;
    const untilMs = time.nowMs() + ms;
    for (;;) {
      await this.#quiet();
      this.#watch();
      const dueMs = time.nextDueMs();
      if (dueMs === undefined || dueMs > untilMs) break;
      time.advance(Math.max(0, dueMs - time.nowMs()));
    }
    time.advance(untilMs - time.nowMs());
  }

  async #quiet(): Promise<void> {
    for (let turn = 0; this.#node.system.inFlight() > 0; turn += 1) {
      if (turn > 10_000) throw new Error('the node is never quiet');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What must hold at every moment. */
  #watch(): void {
    const set = this.kernel.addressSet.sets.get(SETTINGS.plan.ipset);
    const directory = new Set([...this.#node.status.vips()].map(({ vip }) => vip));
    const lasting: readonly Endpoint[] = LASTING.map(at);
    const all = lasting.every((vip) => set?.has(vip) && directory.has(vip));
    if (this.#seenLasting && !all && !this.#stopping) this.#breach('a VIP vanished');
    this.#seenLasting ||= all;
    if (this.exits.length > 0) this.#breach(`the node gave up: ${this.exits[0]!.path}`);
    const overlaps =
      this.kernel.addressSet.port.overlaps +
      this.kernel.firewall.port.overlaps +
      this.#one.overlaps +
      this.#two.overlaps;
    if (overlaps > 0) this.#breach('two calls at a time to a port that takes one');
    for (const queue of this.kernel.queues.opened.values()) {
      if (queue.strayVerdicts > 0) this.#breach('two verdicts for one SYN');
    }
    for (const { tookMs } of this.kernel.queues.verdicts) {
      if (tookMs > 300) this.#breach('a SYN waited longer than its deadlines');
    }
  }

  #stopping = false;

  #breach(what: string): void {
    this.#breaches.add(what);
  }

  async #outcome(): Promise<Omit<Outcome, 'breaches'>> {
    const { kernel } = this;
    const { status } = this.#node;
    const directory = [...status.vips()].map(({ vip, backends }): [Endpoint, ReadonlySet<Endpoint>] => [
      vip,
      new Set([...backends()].map(({ backend }) => backend)),
    ]);
    const set = kernel.addressSet.sets.get(SETTINGS.plan.ipset);
    const pending = [...status.vips()].flatMap(({ backends }) => [...backends()].map((one) => one.pending));
    const outcome = {
      set: set && [...set].map(formatEndpoint).sort(),
      rules: [...kernel.firewall.rules].sort(),
      directory: textOf(new Map(directory)),
      healthy: status.healthy().reasons,
      pending: pending.reduce((sum, one) => sum + one, 0),
      held: [...kernel.queues.opened.values()].reduce((sum, queue) => sum + queue.outstanding().length, 0),
      fates: Object.fromEntries([...this.#connections.keys()].map((name) => [name, this.#fate(name)])),
    };
    // A tool or a reading may be under way just now; what is always there is the rhythm of the actors.
    let timers = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < 5; sample += 1) {
      await this.#pass(37);
      timers = Math.min(timers, this.time.pending);
    }
    return { ...outcome, timers };
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    let stopped = 0;
    this.#node.stop(() => {
      stopped += 1;
    });
    await this.#pass(10_100);
    if (stopped !== 1) this.#breach(`told ${stopped} times that it stopped`);
    if (this.time.pending > 0) this.#breach('timers outlive the node');
  }
}
