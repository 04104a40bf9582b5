export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/** Ends a command. The lines are for the operator: what is wrong, where, and what to do. */
export class CommandFailure extends Error {
  readonly lines: readonly string[];
  readonly exitCode: number;

  constructor(exitCode: number, ...lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
    this.exitCode = exitCode;
  }
}
