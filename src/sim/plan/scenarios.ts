import { Seed, type Stream } from '../engine/seed.js';
import { FAMILIES, type FaultFamily, hostsOf } from './fault-families.js';
import type { Plan, TimedFault } from './plan.js';

export type ScenarioName =
  | 'steady'
  | 'kill-one'
  | 'panic-12.5pct'
  | 'partition'
  | 'flapping-master'
  | 'kernel-chaos'
  | 'mesh-churn'
  | 'everything';

/** What a plan is drawn from; what is left out has a default. */
export interface PlanRequest {
  readonly scenario: ScenarioName;
  readonly seed: number;
  readonly nodes?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly vips?: number | undefined;
  readonly backends?: number | undefined;
  readonly connectionsPerSecond?: number | undefined;
  readonly mesh?: boolean | undefined;
}

interface Scenario {
  /** For people. */
  readonly about: string;
  readonly source: Plan['source'] | 'either';
  /** How many of its seeds have daemons that form a mesh. */
  readonly mesh: number;
  /** Machines unless more or fewer are asked for, and new connections a second for each of them. */
  readonly nodes?: number;
  readonly connections?: number;
  faults(draft: PlanDraft, stream: Stream): readonly TimedFault[];
}

/** A plan that has no faults yet. */
export type PlanDraft = Omit<Plan, 'faults'>;

const SCENARIO_TABLE: Readonly<Record<ScenarioName, Scenario>> = {
  steady: { about: 'nothing goes wrong', source: 'either', mesh: 0.5, faults: () => [] },
  'kill-one': {
    about: 'one machine is killed: its kernel resets what stood, its tasks are gone',
    source: 'either',
    mesh: 0.8,
    faults: (draft, stream) => machinesEnd(draft, stream, 1, 'host-killed'),
  },
  'panic-12.5pct': {
    about: 'an eighth of the machines goes silent at one instant',
    source: 'either',
    mesh: 0.8,
    faults: (draft, stream) => machinesEnd(draft, stream, Math.max(1, Math.round(draft.nodes / 8)), 'panic'),
  },
  partition: {
    about: 'parts of the network cannot reach each other, some of them one way only',
    source: 'either',
    mesh: 0.8,
    faults: (draft, stream) => several(draft, stream, [FAMILIES.partition], 1, 3),
  },
  'flapping-master': {
    about: 'the Mesos master fails in every way, and fails over, while tasks come and go',
    source: 'mesos-master',
    mesh: 0.25,
    faults: (draft, stream) => several(draft, stream, [FAMILIES.master, FAMILIES.tasks], 6, 14),
  },
  'kernel-chaos': {
    about: 'kernels refuse, lose and forget; others meddle with rules, sets and the connection table',
    source: 'either',
    mesh: 0.25,
    faults: (draft, stream) => several(draft, stream, [FAMILIES.kernel, FAMILIES.firewall], 8, 24),
  },
  'mesh-churn': {
    about: 'members end, come back, are cut off and lied to; there are more of them than one has neighbours',
    source: 'file',
    mesh: 1,
    nodes: 16,
    connections: 1,
    faults: (draft, stream) => {
      const { machines, daemons, clocks, network, partition, actors, members } = FAMILIES;
      const some = [machines, daemons, clocks, network, partition, actors, members].filter(() =>
        stream.chance(0.4),
      );
      return several(draft, stream, some.length > 0 ? some : [machines], 1, 6);
    },
  },
  everything: {
    about: 'the seed draws which kinds of faults there are, and how many of each',
    source: 'either',
    mesh: 0.75,
    faults: (draft, stream) => {
      const { members, ...others } = FAMILIES;
      const all: readonly FaultFamily[] = [...Object.values(others), ...(draft.mesh ? [members] : [])];
      const families = all.filter(() => stream.chance(0.5));
      return several(draft, stream, families.length > 0 ? families : [FAMILIES.machines], 2, 10);
    },
  },
};

export const SCENARIOS: readonly { readonly name: ScenarioName; readonly about: string }[] = Object.entries(
  SCENARIO_TABLE,
).map(([name, { about }]) => ({ name: name as ScenarioName, about }));

/** Time that a run is given to come up before anything goes wrong, and at its end to get well, at most. */
const COME_UP_MS = 8_000;
const GET_WELL_MS = 20_000;

/** Every daemon knows every backend: a thousand nodes with four of their own each would be four million. */
const VIPS_MOST = 20;
const BACKENDS_MOST = 1_000;

/** The plan of a scenario for a seed: always the same one. */
export function planOf(request: PlanRequest): Plan {
  const { scenario: name, seed, durationMs = 60_000 } = request;
  const scenario = SCENARIO_TABLE[name];
  const { nodes = scenario.nodes ?? 5 } = request;
  const stream = new Seed(seed).stream(`plan ${name}`);
  const either = stream.chance(0.5) ? 'file' : 'mesos-master';
  const vips = request.vips ?? between(Math.round(nodes / 2), 2, VIPS_MOST);
  const draft: PlanDraft = {
    seed,
    scenario: name,
    nodes,
    durationMs,
    healMs: Math.max(durationMs / 2, durationMs - GET_WELL_MS),
    vips,
    backends: request.backends ?? between(nodes * 4, vips, BACKENDS_MOST),
    connectionsPerSecond: request.connectionsPerSecond ?? nodes * (scenario.connections ?? 5),
    longConnections: nodes,
    mesh: request.mesh ?? new Seed(seed).stream(`mesh ${name}`).chance(scenario.mesh),
    source: scenario.source === 'either' ? either : scenario.source,
  };
  const faults = [...scenario.faults(draft, stream)].sort((a, b) => a.atMs - b.atMs);
  return { ...draft, faults };
}

function between(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** Machines that end at one instant and stay away until it is time to get well. */
function machinesEnd(
  draft: PlanDraft,
  stream: Stream,
  count: number,
  kind: 'panic' | 'host-killed',
): TimedFault[] {
  const atMs = Math.min(COME_UP_MS + 2_000, draft.healMs / 2);
  const hosts = stream.some(hostsOf(draft), Math.min(count, draft.nodes - 1));
  return hosts.map((host) => ({
    atMs,
    durationMs: draft.healMs - atMs,
    fault: { kind, host, wiped: false },
  }));
}

/** Between `least` and `most` faults of each family, at random times. */
function several(
  draft: PlanDraft,
  stream: Stream,
  families: readonly FaultFamily[],
  least: number,
  most: number,
): TimedFault[] {
  const fromMs = Math.min(COME_UP_MS, draft.healMs / 3);
  return families.flatMap((family) =>
    Array.from({ length: least + stream.below(most - least + 1) }, () => {
      const atMs = Math.round(stream.between(fromMs, draft.healMs));
      const durationMs = Math.min(draft.healMs - atMs, Math.round(family.lasts(stream)));
      return { atMs, durationMs, fault: family.draw(draft, stream) };
    }),
  );
}
