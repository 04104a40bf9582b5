export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

const NAME = 'CommandFailure';

/** Ends a command. The lines are for the operator: what is wrong, where, and what to do. */
export class CommandFailure extends Error {
  readonly lines: readonly string[];
  readonly exitCode: number;

  constructor(exitCode: number, ...lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
    this.exitCode = exitCode;
    this.name = NAME;
  }

  /** By name: the simulator is no part of the bundled command line, so what it throws is of another copy of this class. */
  static is(error: unknown): error is CommandFailure {
    return error instanceof Error && error.name === NAME;
  }
}
