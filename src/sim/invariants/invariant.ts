import type { Happening, HappeningKind, HostName } from '../engine/journal.js';
import type { Fleet } from '../fleet/fleet.js';

/** What an invariant says to the run. */
export interface Verdicts {
  /** The promise was broken, now. `host` is where, if it is at one place. */
  broken(what: string, host?: HostName): void;
  /** A rare branch was reached; counted by name, so that runs that never get there are noticed. */
  sometimes(what: string): void;
}

/** The eyes of an invariant in one run. None of them may change the world. */
export interface Watch {
  /** Of what alone it hears; absent, of all. */
  readonly hears?: readonly HappeningKind[];
  /** Something happened; the actors may be in the middle of their answer. */
  readonly happened?: (happening: Happening, atMs: number) => void;
  /** An event was handled and all actors are quiet. Called after every event: must be cheap. */
  readonly settled?: () => void;
  /** The run is over, and the time to get well, too. */
  readonly healed?: () => void;
}

/** Something that must hold in every run, whatever the plan does to the world. */
export interface Invariant {
  /** Kebab-case, unique. */
  readonly name: string;
  /** What must hold, as a sentence. */
  readonly promise: string;
  watch(fleet: Fleet, verdicts: Verdicts): Watch;
}

/** A promise that was broken in a run. */
export interface Violation {
  readonly invariant: string;
  readonly atMs: number;
  readonly host: HostName | undefined;
  readonly what: string;
}
