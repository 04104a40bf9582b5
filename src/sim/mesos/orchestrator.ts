import { type Endpoint, endpoint, portOf } from '../../core/endpoint.js';
import type { Scheduled } from '../../core/event-queue.js';
import { sameBackends, type Vips } from '../../core/vips.js';
import type { Engine, Lane } from '../engine/engine.js';
import type { Host } from '../engine/host.js';
import type { HostName, Journal } from '../engine/journal.js';
import type { Stream } from '../engine/seed.js';
import type { Fault } from '../plan/plan.js';
import { type Task, vipsOf } from './task.js';

/** The desired VIPs from an instant on. */
export interface Desire {
  readonly version: number;
  readonly atMs: number;
  readonly vips: Vips;
}

export interface OrchestratorOptions {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly hosts: readonly Host[];
  readonly vips: number;
  readonly backends: number;
  /** Whether a VIP without backends still exists: in a file it does, in Mesos nothing would name it. */
  readonly keepsEmptyVips: boolean;
  /** A task's program begins, or has ended. */
  readonly onTask: (task: Task, phase: 'started' | 'ended') => void;
}

const FIRST_PORT = 31_000;
const LAST_PORT = 31_999;
/** VIPs are 10.64.x.y:5000. */
const VIP_NET = 0x0a400000;
const VIP_PORT = 5_000;
/** Of so many tasks one serves two VIPs at its one port. */
const SIBLING_EACH = 6;
const SIBLING_AT = 4;
/** A task that was moved away serves on for so long. */
const DRAIN_MS = 10_000;
/** Mesos takes an agent for lost after five pings of 15 s without an answer. */
const LOST_AFTER_MS = 75_000;

/**
 * The truth about tasks: which run, where, and which VIP each serves. It decides nothing by itself but what
 * follows from machines that go away and come back. Every change has a version and stays in `history`.
 */
export class Orchestrator {
  version = 0;
  readonly history: Desire[] = [];
  private readonly options: OrchestratorOptions;
  private readonly lane: Lane;
  private readonly stream: Stream;
  private readonly listeners: (() => void)[] = [];
  /** By their number. */
  private readonly current = new Map<number, Task>();
  /** Tasks that drain. */
  private readonly ending = new Set<Task>();
  private readonly vipsKnown = new Set<Endpoint>();
  private readonly lost = new Set<HostName>();
  private readonly away = new Map<HostName, Scheduled>();
  /** For each host the port that was given last, and those in use. */
  private readonly ports = new Map<HostName, { next: number; readonly taken: Set<number> }>();
  private made = 0;
  private numbers: number;

  constructor(options: OrchestratorOptions) {
    this.options = options;
    this.lane = options.engine.lane('orchestrator');
    this.stream = options.engine.stream('orchestrator');
    for (const { name } of options.hosts) this.ports.set(name, { next: FIRST_PORT, taken: new Set() });
    this.numbers = options.backends;
  }

  /** Places the plan's backends, VIP after VIP by turns, on random hosts. */
  begin(): void {
    for (let at = 0; at < this.options.vips; at += 1) this.vipsKnown.add(vipOf(at));
    for (let number = 0; number < this.options.backends; number += 1) {
      const vip = vipOf(number % this.options.vips);
      this.start(number, vip, this.siblingOf(number), this.stream.oneOf(this.options.hosts));
    }
    this.changed();
  }

  /** Calls `listen` after each change. */
  follow(listen: () => void): void {
    this.listeners.push(listen);
  }

  /** Tasks that run or drain, in the order of their numbers. */
  tasks(): Task[] {
    return [...this.current.values(), ...this.ending];
  }

  task(number: number): Task | undefined {
    return this.current.get(number);
  }

  /** Whether the agent of a host is registered. */
  isLost(host: HostName): boolean {
    return this.lost.has(host);
  }

  get vips(): Vips {
    return this.history.at(-1)!.vips;
  }

  /** What was desired at an instant. */
  desiredAt(atMs: number): Desire | undefined {
    return this.history.findLast((desire) => desire.atMs <= atMs);
  }

  /** One more task for a VIP (a random one, or a new one now and then); answers its number. */
  add(): number {
    const known = [...this.vipsKnown];
    const fresh = known.length === 0 || this.stream.chance(0.2);
    const vip = fresh ? this.newVip() : this.stream.oneOf(known);
    const number = this.numbers;
    this.numbers += 1;
    this.start(number, vip, undefined, this.stream.oneOf(this.options.hosts));
    this.changed();
    return number;
  }

  /** The task's program is gone at once. */
  kill(number: number): void {
    const task = this.current.get(number);
    if (task === undefined) return;
    this.current.delete(number);
    this.ended(task);
    this.changed();
  }

  /** The same program elsewhere; the old one gets no new connections and ends some seconds later. */
  move(number: number): void {
    const task = this.current.get(number);
    if (task === undefined) return;
    const { hosts } = this.options;
    const others = hosts.filter(({ name }) => name !== task.host);
    this.start(number, task.vip, task.sibling, this.stream.oneOf(others.length > 0 ? others : hosts));
    const draining: Task = { ...task, state: 'killing' };
    this.ending.add(draining);
    this.changed();
    this.lane.after(DRAIN_MS, () => {
      if (!this.ending.delete(draining)) return;
      this.ended(task);
      this.changed();
    });
  }

  /** The task's health check fails, or succeeds again; the program goes on either way. */
  setHealthy(number: number, healthy: boolean): void {
    const task = this.current.get(number);
    if (task === undefined || task.healthy === healthy) return;
    this.current.set(number, { ...task, healthy });
    this.changed();
  }

  /** A VIP goes, with all of its tasks; those that serve another one, too, stay for that if it was their first. */
  removeVip(vip: Endpoint): void {
    this.vipsKnown.delete(vip);
    for (const task of [...this.current.values()]) {
      if (task.sibling === vip) this.current.set(task.number, { ...task, sibling: undefined });
      if (task.vip !== vip) continue;
      this.current.delete(task.number);
      this.ended(task);
    }
    this.changed();
  }

  /** `count` operations at once, on random tasks or VIPs. The answer undoes what heals by itself: health checks. */
  tasksFault({ how, count }: Extract<Fault, { kind: 'tasks' }>): () => void {
    const healed: number[] = [];
    for (let left = count; left > 0; left -= 1) {
      const numbers = [...this.current.keys()];
      if (how === 'add' || numbers.length === 0) {
        this.add();
        continue;
      }
      const number = this.stream.oneOf(numbers);
      if (how === 'move') this.move(number);
      else if (how === 'kill') this.kill(number);
      else if (how === 'remove-vip') this.removeVip(this.current.get(number)!.vip);
      else {
        this.setHealthy(number, false);
        healed.push(number);
      }
    }
    return () => {
      for (const number of healed) this.setHealthy(number, true);
    };
  }

  /** A machine went away, and its tasks with it; nobody knows before it has been away for 75 s. */
  hostDown(name: HostName): void {
    this.away.get(name)?.cancel();
    this.away.set(
      name,
      this.lane.after(LOST_AFTER_MS, () => {
        this.lost.add(name);
        this.changed();
      }),
    );
  }

  /** It is back: its tasks are started again where they were. */
  hostUp(name: HostName): void {
    this.away.get(name)?.cancel();
    this.away.delete(name);
    for (const task of [...this.ending]) {
      if (task.host !== name) continue;
      this.ending.delete(task);
      this.ended(task);
    }
    for (const task of this.current.values()) if (task.host === name) this.options.onTask(task, 'started');
    if (this.lost.delete(name)) this.changed();
  }

  /** Whether a machine went away and is not back. */
  isAway(name: HostName): boolean {
    return this.away.has(name);
  }

  /** The program of a task is gone, and its port free. */
  private ended(task: Task): void {
    this.ports.get(task.host)?.taken.delete(portOf(task.backend));
    this.options.onTask(task, 'ended');
  }

  /** The VIP after its own. */
  private siblingOf(number: number): Endpoint | undefined {
    const { vips } = this.options;
    return vips > 1 && number % SIBLING_EACH === SIBLING_AT ? vipOf((number + 1) % vips) : undefined;
  }

  private newVip(): Endpoint {
    let at = this.options.vips;
    while (this.vipsKnown.has(vipOf(at))) at += 1;
    this.vipsKnown.add(vipOf(at));
    return vipOf(at);
  }

  private start(number: number, vip: Endpoint, sibling: Endpoint | undefined, host: Host): void {
    this.made += 1;
    const task: Task = {
      id: `app-${number}.${this.made}`,
      number,
      vip,
      sibling,
      backend: this.freeEndpoint(host),
      host: host.name,
      state: 'running',
      healthy: true,
    };
    this.current.set(number, task);
    if (!this.away.has(host.name)) this.options.onTask(task, 'started');
  }

  /** Ports are used anew only when all of the host's were used since. */
  private freeEndpoint(host: Host): Endpoint {
    const ports = this.ports.get(host.name)!;
    let port = ports.next;
    while (ports.taken.has(port)) port = port === LAST_PORT ? FIRST_PORT : port + 1;
    ports.next = port === LAST_PORT ? FIRST_PORT : port + 1;
    ports.taken.add(port);
    return endpoint(host.address, port);
  }

  private changed(): void {
    this.version += 1;
    const current = new Map<Endpoint, Set<Endpoint>>();
    if (this.options.keepsEmptyVips) for (const vip of this.vipsKnown) current.set(vip, new Set());
    for (const task of this.current.values()) {
      const { backend, healthy, host } = task;
      if (!healthy || this.lost.has(host)) continue;
      for (const vip of vipsOf(task)) {
        const backends = current.get(vip);
        if (backends === undefined) current.set(vip, new Set([backend]));
        else backends.add(backend);
      }
    }
    const vips = new Map<Endpoint, ReadonlySet<Endpoint>>(current);
    const before = this.history.at(-1)?.vips;
    for (const [vip, backends] of vips) {
      // A long run has many versions: what is as before is kept once.
      const known = before?.get(vip);
      if (known !== undefined && sameBackends(known, backends)) vips.set(vip, known);
    }
    this.history.push({ version: this.version, atMs: this.options.engine.nowMs, vips });
    this.options.journal.write({ kind: 'desired', version: this.version });
    for (const listen of this.listeners) listen();
  }
}

function vipOf(index: number): Endpoint {
  return endpoint(VIP_NET + 256 * Math.floor(index / 250) + (index % 250) + 1, VIP_PORT);
}
