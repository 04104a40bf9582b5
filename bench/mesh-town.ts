import type { Happening } from '../src/sim/engine/journal.js';
import type { Fleet } from '../src/sim/fleet/fleet.js';
import type { Machine } from '../src/sim/fleet/machine.js';
import { quietFleet } from './quiet-fleet.js';

/** A node that another took for gone, or for back, when. */
interface Sighting {
  readonly atMs: number;
  readonly by: string;
  readonly of: string;
  readonly reachable: boolean;
}

/** Bytes and pings that all nodes of a time put on their links, for each node and second. */
export interface MeshCost {
  readonly bytes: number;
  readonly frames: number;
  readonly pings: number;
}

/** Simulated nodes that do nothing but be members. */
export class MeshTown {
  readonly fleet: Fleet;
  readonly sightings: Sighting[] = [];
  private readonly known = new Map<string, Set<string>>();

  constructor(nodes: number, seed: number) {
    this.fleet = quietFleet({ seed, nodes, backends: 1, mesh: true });
    this.fleet.journal.follow((happening, atMs) => this.look(happening, atMs));
  }

  get machines(): readonly Machine[] {
    return this.fleet.machines;
  }

  get nowMs(): number {
    return this.fleet.engine.nowMs;
  }

  /** Lets time pass until it is `atMs`. */
  until(atMs: number): Promise<void> {
    return this.fleet.engine.run(atMs);
  }

  pass(ms: number): Promise<void> {
    return this.until(this.nowMs + ms);
  }

  boot(machines: readonly Machine[] = this.machines): void {
    for (const machine of machines) machine.boot();
  }

  /** Lets time pass, step by step, until it holds; answers how long that took, or undefined after `mostMs`. */
  async when(holds: () => boolean, mostMs: number): Promise<number | undefined> {
    const fromMs = this.nowMs;
    while (!holds()) {
      if (this.nowMs - fromMs >= mostMs) return undefined;
      await this.pass(10);
    }
    return this.nowMs - fromMs;
  }

  /** Lets `ms` pass; answers after how long it held for good, or undefined when it does not hold at the end. */
  async whenForGood(holds: () => boolean, ms: number): Promise<number | undefined> {
    const fromMs = this.nowMs;
    let sinceMs: number | undefined;
    while (this.nowMs - fromMs < ms) {
      if (!holds()) sinceMs = undefined;
      else sinceMs ??= this.nowMs - fromMs;
      await this.pass(10);
    }
    return sinceMs;
  }

  /** Whether each of these has a path to each other of them, as it sees it itself. */
  knowEachOther(machines: readonly Machine[]): boolean {
    return machines.every(({ name: by }) => {
      const known = this.known.get(by);
      return machines.every(({ name }) => name === by || known?.has(name) === true);
    });
  }

  /** Whether these, by what each says of its own neighbours, are one connected piece. */
  isOnePiece(machines: readonly Machine[]): boolean {
    const here = new Map(machines.map((machine) => [machine.name, machine]));
    const met = new Set<string>();
    const front = machines.slice(0, 1);
    for (let machine = front.pop(); machine !== undefined; machine = front.pop()) {
      if (met.has(machine.name)) continue;
      met.add(machine.name);
      for (const { name } of machine.daemon!.node.status.mesh()!.neighbours()) {
        const next = here.get(name);
        if (next !== undefined) front.push(next);
      }
    }
    return met.size === machines.length;
  }

  /** When each of `by` took each of `of` for gone, from `fromMs` on, in milliseconds since then; missing ones are absent. */
  losses(by: readonly Machine[], of: readonly Machine[], fromMs: number): number[][] {
    const watchers = new Set(by.map(({ name }) => name));
    return of.map(({ name }) =>
      this.sightings
        .filter((one) => one.of === name && !one.reachable && one.atMs >= fromMs && watchers.has(one.by))
        .map(({ atMs }) => atMs - fromMs)
        .sort((a, b) => a - b),
    );
  }

  /** Losses since then of nodes that were there all the time. */
  falseDeaths(fromMs: number, dead: readonly Machine[] = []): number {
    const gone = new Set(dead.map(({ name }) => name));
    return this.sightings.filter((one) => one.atMs >= fromMs && !one.reachable && !gone.has(one.of)).length;
  }

  /** What the mesh costs while `ms` pass. */
  async cost(machines: readonly Machine[], ms: number): Promise<MeshCost> {
    const sum = (): MeshCost => {
      const total = { bytes: 0, frames: 0, pings: 0 };
      for (const { daemon } of machines) {
        const { traffic, counters } = daemon!.node.status.mesh()!;
        total.bytes += traffic.sentBytes;
        total.frames += traffic.sentFrames;
        total.pings += counters.pings;
      }
      return total;
    };
    const before = sum();
    await this.pass(ms);
    const after = sum();
    const share = machines.length * (ms / 1000);
    return {
      bytes: (after.bytes - before.bytes) / share,
      frames: (after.frames - before.frames) / share,
      pings: (after.pings - before.pings) / share,
    };
  }

  end(): void {
    this.fleet.end();
  }

  private look(happening: Happening, atMs: number): void {
    if (happening.kind === 'daemon' && happening.state === 'started')
      this.known.set(happening.host, new Set());
    if (happening.kind !== 'log') return;
    const reachable = happening.event === 'node-reachable';
    if (!reachable && happening.event !== 'node-unreachable') return;
    const of = String(happening.fields?.node);
    this.sightings.push({ atMs, by: happening.host, of, reachable });
    const known = this.known.get(happening.host);
    if (reachable) known?.add(of);
    else known?.delete(of);
  }
}
