import { quantile } from './report.js';

/** What a daemon said about another one, at which wall time. */
export interface MeshLine {
  readonly event: 'node-reachable' | 'node-unreachable';
  readonly node: string;
  readonly time: number;
}

const EVENTS: ReadonlySet<unknown> = new Set(['node-reachable', 'node-unreachable']);

/** The lines of a daemon's log that tell who can be reached, in order; each line is looked at once. */
export class MeshLog {
  readonly #lines: readonly string[];
  readonly #found: MeshLine[] = [];
  #read = 0;

  /** `lines` may grow. */
  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  get lines(): readonly MeshLine[] {
    for (; this.#read < this.#lines.length; this.#read += 1) {
      const line = this.#lines[this.#read]!;
      if (!line.startsWith('{') || !line.includes('reachable"')) continue;
      const parsed = JSON.parse(line) as MeshLine;
      if (EVENTS.has(parsed.event)) this.#found.push(parsed);
    }
    return this.#found;
  }
}

/** When a daemon came to reach `others` of them for good, or undefined if it does not. */
export function completeAtMs(lines: readonly MeshLine[], others: number): number | undefined {
  const reached = new Set<string>();
  let atMs: number | undefined;
  for (const { event, node, time } of lines) {
    if (event === 'node-reachable') reached.add(node);
    else reached.delete(node);
    if (reached.size < others) atMs = undefined;
    else atMs ??= time;
  }
  return atMs;
}

/** How long after `sinceMs` a daemon gave up each of the `dead`; undefined where it did not. */
export function detectionMs(
  lines: readonly MeshLine[],
  dead: readonly string[],
  sinceMs: number,
): readonly (number | undefined)[] {
  return dead.map((name) => {
    const line = lines.find(
      ({ event, node, time }) => event === 'node-unreachable' && node === name && time >= sinceMs,
    );
    return line && line.time - sinceMs;
  });
}

/** Times that a daemon gave up somebody who is none of the `dead`, from `sinceMs` on. */
export function falseDeaths(
  lines: readonly MeshLine[],
  dead: readonly string[],
  sinceMs: number,
): readonly MeshLine[] {
  return lines.filter(
    ({ event, node, time }) => event === 'node-unreachable' && time >= sinceMs && !dead.includes(node),
  );
}

export interface Spread {
  readonly first: number | undefined;
  readonly median: number | undefined;
  readonly p95: number | undefined;
  readonly last: number | undefined;
}

/** Of values in any order. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    first: sorted[0],
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    last: sorted.at(-1),
  };
}
