import { fileURLToPath } from 'node:url';
import type { Host } from '../../testbed/host.js';
import type { Program } from '../../testbed/program.js';

/**
 * Calls an exported function of a module in a process of its own on a host of the test bed, so that what it
 * does with sockets and tools happens in that host's namespace. Argument and answer travel as JSON; what the
 * function throws is thrown here, with its message.
 *
 * `module` is the compiled module's URL: `new URL('./x.js', import.meta.url)`. It must not be a test file.
 */
export async function callInside<Answer>(
  host: Host,
  module: URL,
  name: string,
  argument: unknown,
  options: {
    readonly timeoutMs?: number;
    /** Put before the program's name, e.g. `['env', 'A=b']`. */
    readonly as?: readonly string[];
  } = {},
): Promise<Answer> {
  const command = [...(options.as ?? []), ...commandOf(module, name, argument)];
  const run = await host.exec(command[0]!, command.slice(1), {
    timeoutMs: options.timeoutMs ?? 60_000,
    covered: true,
  });
  const answer = run.stdout.split('\n').find((line) => line.startsWith(ANSWER));
  if (run.code === 0 && answer !== undefined) return JSON.parse(answer.slice(ANSWER.length)) as Answer;
  throw new Error(`${name} on ${host.name}: ${run.failure ?? ''}\n${run.stderr}${run.stdout}`);
}

/** As `callInside` for a function that goes on until it is killed. */
export function startInside(host: Host, module: URL, name: string, argument: unknown): Promise<Program> {
  const [file, ...args] = commandOf(module, name, argument);
  return host.spawn(file!, args, { covered: true });
}

const ANSWER = 'answer: ';

function commandOf(module: URL, name: string, argument: unknown): readonly string[] {
  const self = fileURLToPath(import.meta.url);
  return [process.execPath, self, module.href, name, JSON.stringify(argument ?? null)];
}

/** The other side: this module run as a program. */
async function answerCall(module: string, name: string, argument: string): Promise<void> {
  const exported = ((await import(module)) as Record<string, (argument: unknown) => unknown>)[name];
  if (exported === undefined) throw new Error(`${module} exports no ${name}`);
  const answer = (await exported(JSON.parse(argument))) ?? null;
  process.stdout.write(`${ANSWER}${JSON.stringify(answer)}\n`, () => process.exit(0));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [module, name, argument] = process.argv.slice(2);
  await answerCall(module!, name!, argument!);
}
