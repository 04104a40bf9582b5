import { fileURLToPath } from 'node:url';
import type { Host } from '../../testbed/host.js';

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
  options: { readonly timeoutMs?: number; readonly as?: readonly string[] } = {},
): Promise<Answer> {
  const command = [
    ...(options.as ?? []),
    process.execPath,
    fileURLToPath(import.meta.url),
    module.href,
    name,
    JSON.stringify(argument ?? null),
  ];
  const run = await host.exec(command[0]!, command.slice(1), { timeoutMs: options.timeoutMs ?? 60_000 });
  const answer = run.stdout.split('\n').find((line) => line.startsWith(ANSWER));
  if (run.code === 0 && answer !== undefined) return JSON.parse(answer.slice(ANSWER.length)) as Answer;
  throw new Error(`${name} on ${host.name}: ${run.failure ?? ''}\n${run.stderr}${run.stdout}`);
}

const ANSWER = 'answer: ';

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
