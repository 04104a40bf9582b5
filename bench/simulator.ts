import { ALL_INVARIANTS, type Plan, planOf, runPlan } from '../src/sim/cluster.js';
import { CpuProfile, type TimeShare } from '../src/sim/report/cpu-profile.js';
import { commandLine, main, positive } from './command-line.js';
import { writeResult } from './load-programs.js';
import { type Figure, figures, median, number, table } from './report.js';

/**
 * How fast the simulator runs a quiet fleet on one core:
 *
 *     npm run bench:simulator -- --rounds 5 --seconds 60
 *
 * With all invariants, as `minuteman sim` and the tests run, and without, once it is warm; then once more under a profiler, to
 * see where the time goes; then a fleet whose daemons form a mesh, and one of 1000 nodes without.
 */
export interface SimulatorOptions {
  readonly rounds: number;
  /** Rounds before those that count: until all that runs often is compiled for speed. */
  readonly warmUpRounds: number;
  readonly fleet: FleetSize;
  readonly largeFleet: FleetSize;
  readonly say: (line: string) => void;
}

export interface FleetSize {
  readonly nodes: number;
  readonly vips: number;
  readonly backends: number;
  readonly connectionsPerSecond: number;
  readonly simulatedMs: number;
}

export interface SimulatorRound {
  readonly wallMs: number;
  readonly events: number;
  readonly messages: number;
  readonly connected: number;
  readonly violations: number;
  /** The most that was seen while it ran, in units of 1,000,000 bytes. */
  readonly rssMegabytes: number;
  /** Simulated seconds per second. */
  readonly speed: number;
  /** Simulated seconds per second of CPU time: what an idle core would do, where others use it, too. */
  readonly cpuSpeed: number;
}

export interface SimulatorResult {
  readonly watched: readonly SimulatorRound[];
  readonly bare: readonly SimulatorRound[];
  /** The same fleet, whose daemons form a mesh, too. */
  readonly meshed: SimulatorRound;
  readonly large: SimulatorRound;
  readonly shares: readonly TimeShare[];
  readonly figures: readonly Figure[];
}

export async function benchSimulator(options: SimulatorOptions): Promise<SimulatorResult> {
  const { rounds, warmUpRounds, fleet, largeFleet, say } = options;
  const plan = planFor(fleet, false);
  const watched: SimulatorRound[] = [];
  const bare: SimulatorRound[] = [];
  for (let left = warmUpRounds; left > 0; left -= 1) for (const all of [true, false]) await round(plan, all);
  for (let at = 0; at < rounds; at += 1) {
    watched.push(await round(plan, true));
    bare.push(await round(plan, false));
    say(`round ${at + 1}: ${describe(watched[at]!)}; without invariants ${number(bare[at]!.speed, 0)} x`);
  }
  const profile = new CpuProfile();
  await round(plan, true);
  const shares = profile.stop();
  const meshed = await round(planFor(fleet, true), true);
  say(`with a mesh: ${describe(meshed)}`);
  const large = await round(planFor(largeFleet, false), true);
  say(`${largeFleet.nodes} nodes: ${describe(large)}`);
  const speedOf = (list: readonly SimulatorRound[]): number | undefined =>
    median(list.map(({ speed }) => speed));
  const most = Math.max(...[...watched, ...bare].map(({ rssMegabytes }) => rssMegabytes));
  const name = `${fleet.nodes} nodes, ${fleet.backends} backends, ${fleet.connectionsPerSecond} connections/s`;
  const faster = { bound: 'at least', unit: 'x real time', digits: 0 } as const;
  return {
    watched,
    bare,
    meshed,
    large,
    shares,
    figures: [
      { name, value: speedOf(watched), asked: 150, ...faster },
      { name: 'the same, the aim', value: speedOf(watched), asked: 1_000, ...faster },
      { name: 'the same without invariants, the aim', value: speedOf(bare), asked: 1_000, ...faster },
      { name: 'its memory', value: most, asked: 1_000, bound: 'at most', unit: 'MB RSS', digits: 0 },
    ],
  };
}

/** The kernel takes its time to say how much memory there is. */
const LOOKS_APART = 10;

function planFor(
  { nodes, vips, backends, connectionsPerSecond, simulatedMs }: FleetSize,
  mesh: boolean,
): Plan {
  return planOf({
    scenario: 'steady',
    seed: 1,
    nodes,
    vips,
    backends,
    connectionsPerSecond,
    durationMs: simulatedMs,
    mesh,
  });
}

async function round(plan: Plan, withInvariants: boolean): Promise<SimulatorRound> {
  let connected = 0;
  let rss = 0;
  let looks = 0;
  const beganMs = performance.now();
  const beganCpu = process.cpuUsage();
  const { events, messages, violations, simulatedMs } = await runPlan(plan, {
    invariants: withInvariants ? ALL_INVARIANTS : [],
    follow: ({ kind }) => {
      if (kind === 'connected') connected += 1;
    },
    onProgress: () => {
      looks += 1;
      if (looks % LOOKS_APART === 0) rss = Math.max(rss, process.memoryUsage.rss());
    },
  });
  const wallMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(beganCpu);
  return {
    wallMs,
    events,
    messages,
    connected,
    violations: violations.length,
    rssMegabytes: rss / 1e6,
    speed: simulatedMs / wallMs,
    cpuSpeed: (simulatedMs * 1000) / (user + system),
  };
}

function describe({
  speed,
  cpuSpeed,
  events,
  messages,
  wallMs,
  connected,
  rssMegabytes,
}: SimulatorRound): string {
  const perSecond = (count: number): string => number((count * 1000) / wallMs, 0);
  return (
    `${number(speed, speed < 10 ? 1 : 0)} simulated seconds a second (${number(cpuSpeed, cpuSpeed < 10 ? 1 : 0)} of CPU time), ${perSecond(events)} events/s, ` +
    `${perSecond(messages)} messages/s, ${connected} connections, ${number(rssMegabytes, 0)} MB`
  );
}

/** Quick enough for the test suite. */
export const SMALL: Omit<SimulatorOptions, 'say'> = {
  rounds: 1,
  warmUpRounds: 0,
  fleet: { nodes: 5, vips: 3, backends: 50, connectionsPerSecond: 20, simulatedMs: 10_000 },
  largeFleet: { nodes: 50, vips: 5, backends: 100, connectionsPerSecond: 50, simulatedMs: 5_000 },
};

/** Every node has a balancer for each VIP that knows each of its backends: a million of them. */
const LARGE: FleetSize = {
  nodes: 1_000,
  vips: 20,
  backends: 1_000,
  connectionsPerSecond: 1_000,
  simulatedMs: 20_000,
};

await main(import.meta.url, async () => {
  const values = commandLine('How fast the simulator runs a quiet fleet on one core.', {
    rounds: ['5', 'with invariants and without, in turn'],
    seconds: ['60', 'simulated in each'],
    small: [false, 'as the tests run it'],
  });
  const say = (line: string) => console.log(line);
  const simulatedMs = positive('--seconds', values.seconds) * 1000;
  const result = await benchSimulator(
    values.small
      ? { ...SMALL, say }
      : {
          rounds: positive('--rounds', values.rounds),
          warmUpRounds: 3,
          fleet: { nodes: 40, vips: 20, backends: 1_000, connectionsPerSecond: 100, simulatedMs },
          largeFleet: LARGE,
          say,
        },
  );
  const rows = result.shares.map(({ part, share }) => [part, `${number(share * 100, 1)} %`]);
  console.log(`\n${table(['where the time goes', ''], rows)}`);
  console.log(`\n${figures(result.figures)}`);
  console.log(`\nall measurements: ${writeResult('simulator', result)}`);
});
