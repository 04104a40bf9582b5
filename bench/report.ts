/** A figure the project asks of itself, beside what was measured. */
export interface Figure {
  readonly name: string;
  /** Undefined when the run did not measure it. */
  readonly value: number | undefined;
  readonly asked: number;
  readonly bound: 'at least' | 'at most';
  /** Printed behind the numbers, such as `ms` or `x direct`. */
  readonly unit: string;
  readonly digits?: number;
}

/** A figure that may be so much and no more. */
export function atMost(
  name: string,
  value: number | undefined,
  asked: number,
  unit: string,
  digits = 0,
): Figure {
  return { name, value, asked, bound: 'at most', unit, digits };
}

/** Index of the smallest of `count` sorted values that so large a share of them do not exceed: the nearest rank. */
export function rank(share: number, count: number): number {
  return Math.max(0, Math.ceil(share * count) - 1);
}

/** The smallest value that so large a share of them do not exceed; undefined for no values. `sorted` ascends. */
export function quantile(sorted: ArrayLike<number>, share: number): number | undefined {
  return sorted[rank(share, sorted.length)];
}

/** The middle value, or the mean of the two middle ones; undefined for no values at all. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median of what `of` makes of each pair. Two things measured in turn are compared pair by pair, because
 * the machine's mood changes between pairs far more than within one.
 */
export function medianOfPairs<T>(
  left: readonly T[],
  right: readonly T[],
  of: (left: T, right: T) => number,
): number | undefined {
  const pairs = Math.min(left.length, right.length);
  return median(Array.from({ length: pairs }, (_, at) => of(left[at]!, right[at]!)));
}

export function isReached(figure: Figure): boolean | undefined {
  if (figure.value === undefined) return undefined;
  return figure.bound === 'at least' ? figure.value >= figure.asked : figure.value <= figure.asked;
}

/** Rows of text under a heading, numbers to the right; the first column is the row's name. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One line a figure: what was measured, what is asked, and whether that is reached. */
export function figures(list: readonly Figure[]): string {
  return table(
    ['figure', 'measured', 'asked', ''],
    list.map((figure) => [
      figure.name,
      `${number(figure.value, figure.digits)} ${figure.unit}`,
      `${figure.bound === 'at least' ? '>=' : '<='} ${figure.asked} ${figure.unit}`,
      { true: 'ok', false: 'MISSED', undefined: 'not measured' }[`${isReached(figure)}`]!,
    ]),
  );
}

/** A number for people: `-` for none. */
export function number(value: number | undefined, digits = 2): string {
  return value === undefined || !Number.isFinite(value) ? '-' : value.toFixed(digits);
}
