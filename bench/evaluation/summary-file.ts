import type { Evaluation } from './evaluation.js';
import { type ArmSummary, columnsOf } from './summary.js';

/** Digits of a figure of one trial: more say nothing. */
const DIGITS = 4;
/** And of one over all trials: so many more than tables show that what is rounded twice is the same as rounded once. */
const DIGITS_OVER_ALL = 12;

/**
 * What the tables are made of and every figure of every trial, small enough to be kept with the documents: without the latencies
 * of windows, which pictures are made of. A figure is a column: a value for each seed, or one that all of them have.
 */
export function summaryText(origin: object, { cells, trials, wanted }: Evaluation): string {
  const summary = {
    ...origin,
    trials,
    wanted,
    cells: cells.map(({ value, summaries }) => ({ value, arms: summaries.map(armText) })),
  };
  // A line for each object in it, so that two of these can be compared; columns stay on theirs.
  const text = JSON.stringify(summary, short, 1);
  return `${text.replace(/\[[^[\]{}]*\]/g, (list) => list.replace(/\s+/g, ''))}\n`;
}

function armText({ arm, setup, trials, over, medians, runs }: ArmSummary): object {
  const columns = columnsOf(runs).map(([name, values]) => [name, column(values)]);
  const seeds = column(runs.map(({ seed }) => seed));
  return { arm, setup, trials, over, medians, runs: { seeds, ...Object.fromEntries(columns) } };
}

function column(values: readonly number[]): number | readonly number[] {
  const rounded = values.map((value) => precise(value, DIGITS));
  return rounded.every((value) => value === rounded[0]) ? rounded[0]! : rounded;
}

/** What never happened is infinite, and null in JSON. */
function short(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? precise(value, DIGITS_OVER_ALL) : value;
}

/** Whole numbers stay as they are. */
function precise(value: number, digits: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(digits));
}
