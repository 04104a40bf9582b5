import type { Child } from './child.js';
import { PoolCell } from './pool-cell.js';
import { DEFAULT_INTENSITY, type RestartIntensity } from './restart-intensity.js';
import type { ChildSpec } from './supervisor.js';

/**
 * A supervisor, one-for-one, whose children come and go. Its methods may be called from any actor's handler;
 * what they ask for is carried out in one turn of the pool.
 *
 * The pool remembers what it was asked for: if it is restarted itself, all of its children are, and their
 * addresses and waiting messages stay good. (OTP's `simple_one_for_one` comes back empty, and whoever filled
 * it must notice.) An owner that was restarted and starts over from nothing says `pool.stop(pool.names())` first.
 */
export interface PoolSpec {
  readonly kind: 'pool';
  readonly name: string;
  /** What the supervisor above holds; nobody else's business. */
  readonly child: Child;
  /** Starts children, in order; one of a name that is there already takes its place. Throws on an empty name. */
  start(specs: readonly ChildSpec[]): void;
  /** Stops children for good; names that are not there are ignored. */
  stop(names: readonly string[]): void;
  /** The children asked for, running or about to. */
  names(): readonly string[];
}

/** The intensity counts the restarts of all children together. */
export function pool(name: string, options: { readonly intensity?: RestartIntensity } = {}): PoolSpec {
  const cell = new PoolCell(name, options.intensity ?? DEFAULT_INTENSITY);
  return {
    kind: 'pool',
    name,
    child: cell,
    start: (specs) => cell.want(specs.map(({ child }) => child)),
    stop: (names) => cell.unwant(names),
    names: () => cell.names(),
  };
}
