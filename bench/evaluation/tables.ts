import { type Figure, isReached, number } from '../report.js';
import type { Quantiles } from './quantiles.js';
import type { ArmFigures, Measure } from './summary.js';

interface Row {
  readonly measure: Measure;
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly scale?: number;
}

const ROWS: readonly Row[] = [
  { measure: 'firstCutMs', name: 'first link cut', unit: 'ms', digits: 0 },
  { measure: 'knownByHalfMs', name: 'known to half of the survivors', unit: 'ms', digits: 0 },
  { measure: 'knownByMostMs', name: 'known to nine tenths', unit: 'ms', digits: 0 },
  { measure: 'knownByAllMs', name: 'known to all', unit: 'ms', digits: 0 },
  {
    measure: 'repairMs',
    name: 'repaired: start of the last connection to a dead backend',
    unit: 'ms',
    digits: 0,
  },
  { measure: 'calmMs', name: 'errors below 0.1 % from then on', unit: 'ms', digits: 0 },
  { measure: 'hits', name: 'connections to dead backends', unit: '', digits: 0 },
  { measure: 'attempts', name: 'the same with retries', unit: '', digits: 0 },
  { measure: 'failed', name: 'requests never answered', unit: '', digits: 0 },
  { measure: 'cutMidway', name: 'requests that the fault met half-way', unit: '', digits: 0 },
  { measure: 'slow', name: 'requests slower than 1 s', unit: '', digits: 0 },
  { measure: 'longestMs', name: 'longest request', unit: 'ms', digits: 0 },
  {
    measure: 'p99Change',
    name: 'p99 latency, later against before',
    unit: '%',
    digits: 1,
    scale: 100,
  },
  {
    measure: 'deviationMs',
    name: 'largest step of the mean between windows of 100 ms',
    unit: 'ms',
    digits: 1,
  },
  { measure: 'falseDeaths', name: 'live nodes taken for dead', unit: '', digits: 0 },
  { measure: 'framesBefore', name: 'mesh frames each node sends, before', unit: '/s', digits: 1 },
  { measure: 'framesAfter', name: 'the same after', unit: '/s', digits: 1 },
  { measure: 'bytesBefore', name: 'mesh octets each node sends, before', unit: '/s', digits: 0 },
  { measure: 'bytesAfter', name: 'the same after', unit: '/s', digits: 0 },
  { measure: 'cpu', name: 'CPU of a daemon', unit: '% of a core', digits: 2, scale: 100 },
];

/** Rows of Markdown, an arm a column; each cell `p50 / p95 / p99 / max` over the trials. */
export function armsTable(arms: readonly ArmFigures[]): string {
  const cell = ({ p50, p95, p99, max }: Quantiles, { digits, scale = 1 }: Row): string => {
    const text = [p50, p95, p99, max].map((value) =>
      value === undefined || !Number.isFinite(value) ? 'never' : number(value * scale, digits),
    );
    if (text.every((one) => one === 'never')) return '-';
    return new Set(text).size === 1 ? text[0]! : text.join(' / ');
  };
  const rows = ROWS.map((row) => [
    row.unit === '' ? row.name : `${row.name}, ${row.unit}`,
    ...arms.map(({ over }) => cell(over[row.measure], row)),
  ]);
  return markdown(
    ['p50 / p95 / p99 / max over the trials', ...arms.map(({ arm, trials }) => `${arm} (${trials})`)],
    rows.filter(([, ...cells]) => cells.some((one) => one !== '-')),
  );
}

/** Latencies of all trials' requests together, by phase and view. */
export function latencyTable(arms: readonly ArmFigures[]): string {
  const phases = ['before', 'repair', 'after'] as const;
  const views = ['open', 'closed', 'corrected'] as const;
  const rows = arms.flatMap(({ arm, medians }) =>
    views.map((view) => [
      arm,
      view,
      ...phases.map((phase) => {
        const { p50, p99, max } = medians[view][phase];
        return [p50, p99, max].map((ms) => number(ms, 1)).join(' / ');
      }),
    ]),
  );
  return markdown(['arm', 'loop', 'before the fault', 'while it is repaired', 'later'], rows);
}

export function figuresTable(figures: readonly Figure[]): string {
  return markdown(
    ['figure', 'measured', 'asked', ''],
    figures.map((figure) => [
      figure.name,
      `${number(figure.value, figure.digits)} ${figure.unit}`.trim(),
      `${figure.bound === 'at most' ? '≤' : '≥'} ${figure.asked} ${figure.unit}`.trim(),
      { true: 'reached', false: 'missed', undefined: 'not measured' }[`${isReached(figure)}`]!,
    ]),
  );
}

export function markdown(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heading.map((_, at) => Math.max(...[heading, ...rows].map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`;
  return [line(heading), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
