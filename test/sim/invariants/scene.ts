import test from 'ava';
import type { Endpoint } from '../../../src/core/endpoint.js';
import type { VipsDelta } from '../../../src/core/vips.js';
import type { Lane } from '../../../src/sim/engine/engine.js';
import type { Happening } from '../../../src/sim/engine/journal.js';
import { Fleet } from '../../../src/sim/fleet/fleet.js';
import type { Machine } from '../../../src/sim/fleet/machine.js';
import type { Invariant } from '../../../src/sim/invariants/invariant.js';
import { Jury } from '../../../src/sim/invariants/jury.js';
import type { Fault, Plan, TimedFault } from '../../../src/sim/plan/plan.js';

/** 10.99.0.1, the first host. */
const HOST = 0x0a630001;

/** A client of the first host, by its port. */
export const client = (port: number): Endpoint => (HOST * 65_536 + port) as Endpoint;
/** 10.64.0.x:5000. */
export const vip = (number: number): Endpoint => ((0x0a400000 + number) * 65_536 + 5_000) as Endpoint;
/** A server on the second host, by its port. */
export const backend = (port: number): Endpoint => ((HOST + 1) * 65_536 + port) as Endpoint;

/** A fleet of two hosts in which nothing happens but what a test says, and one invariant that watches it. */
export class Scene {
  readonly fleet: Fleet;
  private readonly jury: Jury;
  private readonly lane: Lane;

  constructor(invariant: Invariant, faults: readonly TimedFault[] = []) {
    const plan: Plan = {
      seed: 1,
      scenario: 'by hand',
      nodes: 2,
      durationMs: 1e9,
      healMs: 1e9,
      vips: 0,
      backends: 0,
      connectionsPerSecond: 0,
      longConnections: 0,
      mesh: false,
      source: 'file',
      faults,
    };
    this.fleet = new Fleet(plan);
    this.lane = this.fleet.engine.lane('test');
    this.jury = new Jury(this.fleet, [invariant], () => {});
  }

  /** The first host. */
  get machine(): Machine {
    return this.fleet.machines[0]!;
  }

  get violations(): readonly string[] {
    return this.jury.violations.map(({ what }) => what);
  }

  get sometimes(): ReadonlyMap<string, number> {
    return this.jury.sometimes;
  }

  /** These happen, one by one, in one event. */
  happen(...happenings: readonly Happening[]): Promise<this> {
    return this.act(() => {
      for (const happening of happenings) this.fleet.journal.write(happening);
    });
  }

  /** Something happens in an event of its own. */
  act(run: (machine: Machine) => void): Promise<this> {
    this.lane.after(0, () => run(this.machine));
    return this.pass(0);
  }

  /** A daemon serves on the first host, for long enough that nobody excuses it. */
  async served(): Promise<this> {
    this.machine.kernel.sets.create('minuteman', 'destinations');
    await this.happen(
      { kind: 'daemon', host: 'n1', state: 'started' },
      { kind: 'daemon', host: 'n1', state: 'ready' },
    );
    return this.pass(20_000);
  }

  /** The daemon's sources tell of VIPs: these, and no others. */
  async learned(vips: Readonly<Record<number, readonly Endpoint[]>>): Promise<this> {
    const upserts = new Map(
      Object.entries(vips).map(([number, backends]) => [vip(Number(number)), new Set(backends)]),
    );
    const delta: VipsDelta = { upserts, removed: [] };
    await this.handle('node/vips/vip-table', { kind: 'read', source: 'file', reset: true, delta });
    return this;
  }

  /** An actor of the first host's daemon handles messages. */
  handle(path: string, ...messages: readonly unknown[]): Promise<this> {
    return this.act((machine) => {
      for (const message of messages) {
        this.fleet.handling(machine, path, 'before', message);
        this.fleet.handling(machine, path, 'after', message);
      }
    });
  }

  /** Time goes by, with an event every 10 ms, as there always is one. */
  async pass(ms: number): Promise<this> {
    const { engine } = this.fleet;
    const untilMs = engine.nowMs + ms;
    for (let atMs = engine.nowMs; atMs < untilMs; atMs += 10) this.lane.after(atMs - engine.nowMs, () => {});
    this.lane.after(ms, () => {});
    await engine.run(untilMs);
    return this;
  }

  healed(): this {
    this.jury.healed();
    return this;
  }
}

/** What happens, and whether it breaks the promise. `forbidden` rows do, `allowed` ones do not. */
export interface Row {
  readonly sentence: string;
  readonly play: (scene: Scene) => Promise<unknown>;
  readonly faults?: readonly TimedFault[];
}

/** A test for each row: served for 20 s, then played, then looked at. */
export function judge(
  invariant: Invariant,
  rows: { readonly allowed: readonly Row[]; readonly forbidden: readonly Row[] },
): void {
  for (const broken of [false, true]) {
    for (const { sentence, play, faults } of broken ? rows.forbidden : rows.allowed) {
      test(`${invariant.name}: ${sentence} is ${broken ? 'forbidden' : 'allowed'}`, async (t) => {
        const scene = await new Scene(invariant, faults).served();
        await play(scene);
        t.is(scene.violations.length > 0, broken, scene.violations.join('\n'));
      });
    }
  }
}

/** A fault on from 20 s on, for so long. */
export function fault(kind: Fault, durationMs = 5_000): readonly TimedFault[] {
  return [{ atMs: 20_000, durationMs, fault: kind }];
}
