import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** A command line that cannot be served, or only asked for help: what to say instead, without a stack. */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** By name, what an option is if it is not given, and what it is for. Flags are `false`, others take text. */
export type Options = Readonly<Record<string, readonly [missing: string | boolean, about: string]>>;

export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name][0] extends boolean ? boolean : string;
};

/** Whether this module is the program that was started, and not imported by another. */
export function isMain(moduleUrl: string): boolean {
  return moduleUrl === pathToFileURL(process.argv[1] ?? '').href;
}

/** Runs `program` if the module is the one that was started; ends it as `UsageError` says. */
export async function main(moduleUrl: string, program: () => Promise<void> | void): Promise<void> {
  if (!isMain(moduleUrl)) return;
  try {
    await program();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    if (error.exitCode === 0) console.log(error.message);
    else console.error(error.message);
    process.exitCode = error.exitCode;
  }
}

/** Reads the arguments of the process. `--help` and whatever there is no option for end in a `UsageError`. */
export function commandLine<const O extends Options>(
  about: string,
  options: O,
  args = process.argv.slice(2),
): Values<O> {
  const named = Object.entries(options).map(([name, [missing]]) => [
    name,
    typeof missing === 'boolean'
      ? { type: 'boolean', default: missing }
      : { type: 'string', default: missing },
  ]);
  const help = usage(about, options);
  let values: Values<O> & { readonly help?: boolean };
  try {
    const config = { ...Object.fromEntries(named), help: { type: 'boolean', short: 'h' } };
    values = parseArgs({ args, options: config }).values as typeof values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${help}`);
  }
  if (values.help === true) throw new UsageError(help, 0);
  return values;
}

function usage(about: string, options: Options): string {
  const rows = Object.entries(options).map(([name, [missing, what]]) =>
    typeof missing === 'boolean' ? [`--${name}`, what] : [`--${name} <${missing}>`, what],
  );
  rows.push(['--help', 'this']);
  const width = Math.max(...rows.map(([left]) => left!.length));
  const lines = rows.map(([left, what]) => `  ${left!.padEnd(width)}  ${what}`);
  return `${about}\n\nOptions, and what they are unless told otherwise:\n${lines.join('\n')}`;
}

/** A whole number above 0 from the command line; anything else is an error that names the option. */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(`${name} must be a whole number above 0, not ${text}`);
}
