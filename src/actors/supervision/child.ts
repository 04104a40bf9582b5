import type { Crash } from './crash.js';
import type { Runtime } from './runtime.js';
import type { TurnParent } from './turn.js';

/**
 * What a supervisor holds: an actor, a supervisor or a pool. Supervisors call these from their own turn
 * only, and they are synchronous, so nobody ever sees a tree that is half restarted.
 */
export interface Child {
  readonly name: string;
  /** The crash that awaits the supervisor's decision; undefined while it runs or stands still. */
  readonly crash: Crash | undefined;
  readonly running: boolean;
  /** Gives it its place in the tree, once; throws on a second place or a bad name: the description is wrong. */
  place(parent: Parent, runtime: Runtime): void;
  /** Starts a new incarnation; answers the crash if that failed, and then nothing of it is left running. */
  start(): Crash | undefined;
  /** Stops in order what runs, or forgets a crash. Messages that wait are kept for the next incarnation. */
  stop(): void;
  /** After `stop`: never to be started again. Messages that wait are dropped, and so is what comes. */
  end(): void;
}

/** What a child knows of its supervisor. */
export interface Parent {
  readonly path: string;
  readonly turn: TurnParent;
  /** A running child crashed; the supervisor decides in a turn of its own. */
  failed(child: Child, crash: Crash): void;
}

/** The path of a child, for people and counters: the root's parent has the empty path. */
export function childPath(parent: Parent, name: string): string {
  if (name === '')
    throw new Error(`a child of ${parent.path || 'the system'} has an empty name; give it another`);
  return parent.path === '' ? name : `${parent.path}/${name}`;
}

/** What describing one thing in two places throws. */
export function placedTwice(path: string): Error {
  return new Error(
    `${path} has its place in a tree already: describe a new one for every place and every system`,
  );
}
