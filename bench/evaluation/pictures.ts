import { parse, View as VegaView } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { ARM_NAMES, type ArmName } from './arms.js';
import { VIEWS } from './measures.js';
import type { ArmSummary } from './summary.js';

/** Pictures as SVG, drawn without a browser. */
export type Pictures = Readonly<Record<string, string>>;

/** A specification of Vega-Lite, whose own types want arrays that may be changed. */
type Drawing = Readonly<Record<string, unknown>>;

const COLOURS: Readonly<Record<ArmName, string>> = {
  mesh: '#1b7837',
  lashup: '#2166ac',
  connections: '#e08214',
  none: '#b2182b',
};
const WIDTH = 720;
const BASE = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  background: 'white',
  config: {
    // What screen readers are told of each of a thousand marks would be most of the file.
    aria: false,
    font: 'sans-serif',
    axis: { labelFontSize: 12, titleFontSize: 12 },
    view: { stroke: '#ddd' },
  },
} as const;

const seconds = (ms: number): number => ms / 1000;
/** On a logarithmic axis nothing is 0. */
const LEAST_S = 0.1;

export async function drawMain(arms: readonly ArmSummary[]): Promise<Pictures> {
  const drawn: Record<string, Drawing> = {
    latency: latency(arms),
    deviation: deviation(arms),
    loops: loops(arms),
    repair: repair(arms),
  };
  if (arms.some(({ curve }) => (curve.at(-1)?.[1] ?? 0) > 0)) drawn.detection = detection(arms);
  return await drawAll(drawn);
}

async function drawAll(specs: Readonly<Record<string, Drawing>>): Promise<Pictures> {
  const pictures: Record<string, string> = {};
  for (const [name, spec] of Object.entries(specs)) pictures[name] = await draw(spec);
  return pictures;
}

async function draw(spec: Drawing): Promise<string> {
  const view = new VegaView(parse(compile(spec as unknown as TopLevelSpec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function colour(arms: readonly ArmSummary[]) {
  const names = ARM_NAMES.filter((name) => arms.some(({ arm }) => arm === name));
  return {
    field: 'arm',
    type: 'nominal',
    title: null,
    scale: { domain: names, range: names.map((name) => COLOURS[name]) },
    legend: { orient: 'top', labelLimit: 300 },
  } as const;
}

const FAULT = {
  data: { values: [{ s: 0 }] },
  mark: { type: 'rule', strokeDash: [4, 3], color: '#555' },
  encoding: { x: { field: 's', type: 'quantitative' } },
} as const;

const SINCE = 'seconds since the fault (dashed); start of the request';

function latency(arms: readonly ArmSummary[]): Drawing {
  const panel = (which: 'mean' | 'p99' | 'max', name: string) =>
    ({
      width: WIDTH,
      height: 150,
      layer: [
        {
          data: {
            values: arms.flatMap(({ arm, windows }) =>
              windows.open.map((window) => ({ arm, s: seconds(window.fromMs), ms: window[which] })),
            ),
          },
          mark: { type: 'line', strokeWidth: 1.3, interpolate: 'step-after' },
          encoding: {
            x: {
              field: 's',
              type: 'quantitative',
              scale: { nice: false },
              title: which === 'max' ? SINCE : null,
            },
            y: { field: 'ms', type: 'quantitative', title: `${name}, ms`, scale: { type: 'log' } },
            color: colour(arms),
          },
        },
        FAULT,
      ],
    }) as const;
  return {
    ...BASE,
    title: 'Latency of requests, open loop, windows of 100 ms over all trials',
    vconcat: [panel('mean', 'mean'), panel('p99', 'p99'), panel('max', 'longest')],
  };
}

function deviation(arms: readonly ArmSummary[]): Drawing {
  const most = Math.max(
    ...arms.flatMap(({ windows }) => windows.open.map(({ deviation: ms = 0 }) => Math.abs(ms))),
  );
  return {
    ...BASE,
    title: 'Change of the mean latency from one window of 100 ms to the next, open loop',
    vconcat: arms.map(({ arm, windows }, at) => ({
      width: WIDTH,
      height: 90,
      title: arm,
      layer: [
        {
          data: {
            values: windows.open
              .slice(1)
              .map(({ fromMs, deviation: ms }) => ({ s: seconds(fromMs), ms: ms ?? null })),
          },
          mark: { type: 'line', strokeWidth: 1, color: COLOURS[arm] },
          encoding: {
            x: {
              field: 's',
              type: 'quantitative',
              scale: { nice: false },
              title: at === arms.length - 1 ? SINCE : null,
            },
            y: {
              field: 'ms',
              type: 'quantitative',
              title: 'ms',
              scale: { type: 'symlog', constant: 1, domain: [-most, most] },
              axis: { values: [-1000, -100, -10, 0, 10, 100, 1000] },
            },
          },
        },
        FAULT,
      ],
    })),
  };
}

function loops(arms: readonly ArmSummary[]): Drawing {
  const names = {
    open: 'open loop',
    closed: 'closed loop, as it saw it',
    corrected: 'closed loop, corrected',
  };
  return {
    ...BASE,
    title: 'The same fault as an open and a closed loop see it: mean latency in windows of 100 ms',
    vconcat: arms.map(({ arm, windows }) => ({
      width: WIDTH,
      height: 130,
      title: arm,
      layer: [
        {
          data: {
            values: VIEWS.flatMap((view) =>
              windows[view].map(({ fromMs, mean }) => ({ view: names[view], s: seconds(fromMs), ms: mean })),
            ),
          },
          mark: { type: 'line', strokeWidth: 1.2 },
          encoding: {
            x: { field: 's', type: 'quantitative', scale: { nice: false }, title: null },
            y: { field: 'ms', type: 'quantitative', title: 'ms', scale: { type: 'log' } },
            color: {
              field: 'view',
              type: 'nominal',
              title: null,
              scale: { domain: Object.values(names), range: ['#111', '#999', '#d6604d'] },
              legend: { orient: 'top', labelLimit: 300 },
            },
          },
        },
        FAULT,
      ],
    })),
  };
}

function repair(arms: readonly ArmSummary[]): Drawing {
  return {
    ...BASE,
    title: 'Repaired within: share of the trials (until the last connection to a dead backend started)',
    width: WIDTH,
    height: 240,
    data: {
      values: arms.flatMap(({ arm, runs }) => {
        const sorted = runs.map(({ repairMs }) => repairMs).sort((a, b) => a - b);
        return sorted.map((ms, at) => ({
          arm,
          s: Math.max(LEAST_S, seconds(ms)),
          share: (at + 1) / sorted.length,
        }));
      }),
    },
    mark: { type: 'line', interpolate: 'step-after' },
    encoding: {
      x: { field: 's', type: 'quantitative', title: 'seconds since the fault', scale: { type: 'log' } },
      y: { field: 'share', type: 'quantitative', title: 'share of the trials' },
      color: colour(arms),
    },
  };
}

function detection(arms: readonly ArmSummary[]): Drawing {
  const members = arms.filter(({ curve }) => (curve.at(-1)?.[1] ?? 0) > 0);
  const untilMs =
    500 + Math.max(...members.map(({ curve }) => curve.find(([, share]) => share >= 0.999)?.[0] ?? 4_500));
  return {
    ...BASE,
    title: 'Survivors that have taken all of the dead for gone',
    width: WIDTH,
    height: 240,
    data: {
      values: members.flatMap(({ arm, curve }) =>
        curve.filter(([atMs]) => atMs <= untilMs).map(([atMs, share]) => ({ arm, s: seconds(atMs), share })),
      ),
    },
    mark: { type: 'line', interpolate: 'step-after' },
    encoding: {
      x: { field: 's', type: 'quantitative', title: 'seconds since the fault' },
      y: { field: 'share', type: 'quantitative', title: 'share of the survivors' },
      color: colour(members),
    },
  };
}

/** A point of a sweep: what was varied, and what came of it. */
export interface SweepPoint {
  readonly x: number;
  readonly summary: ArmSummary;
}

/** How repair, detection and connections to the dead go with what is varied. */
export async function drawSweep(
  name: string,
  axis: string,
  points: readonly SweepPoint[],
): Promise<Pictures> {
  const arms = points.map(({ summary }) => summary);
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const panel = (
    title: string,
    of: (summary: ArmSummary) => { p50: number | undefined; p99: number | undefined },
  ) => ({
    width: WIDTH / 2 - 40,
    height: 220,
    data: {
      values: points.flatMap(({ x, summary }) => {
        const { p50, p99 } = of(summary);
        return [
          { x, arm: summary.arm, which: 'p50', y: finite(p50) },
          { x, arm: summary.arm, which: 'p99', y: finite(p99) },
        ];
      }),
    },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'x', type: 'ordinal', sort: xs, title: axis, axis: { labelAngle: 0 } },
      y: { field: 'y', type: 'quantitative', title },
      color: colour(arms),
      strokeDash: {
        field: 'which',
        type: 'nominal',
        title: null,
        legend: { orient: 'top', labelLimit: 300 },
      },
    },
  });
  return await drawAll({
    [`sweep-${name}`]: {
      ...BASE,
      title: `Panic, by ${axis}`,
      columns: 2,
      concat: [
        panel('repaired after, s', ({ over }) => scaled(over.repairMs)),
        panel('known to all survivors after, s', ({ over }) => scaled(over.knownByAllMs)),
        panel('connections sent to dead backends', ({ over }) => over.hits),
        panel('live nodes taken for dead', ({ over }) => over.falseDeaths),
      ],
    },
  });
}

function scaled({ p50, p99 }: { p50: number | undefined; p99: number | undefined }) {
  return { p50: p50 === undefined ? undefined : p50 / 1000, p99: p99 === undefined ? undefined : p99 / 1000 };
}

/** What never happened is left out of a line. */
function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}
