import { runTool } from '../src/native/tool.js';

/** Runs `ip` of iproute2; an error says what it said. Answers what it printed. */
export async function ip(args: readonly string[]): Promise<string> {
  return checked(`ip ${args.join(' ')}`, await runTool('ip', args));
}

/** Runs several `ip` commands at one go, inside a namespace if one is named. The first failure ends it. */
export async function ipBatch(commands: readonly string[], namespace?: string): Promise<void> {
  const inside = namespace === undefined ? [] : ['-n', namespace];
  const input = `${commands.join('\n')}\n`;
  checked(`ip batch ${commands.join('; ')}`, await runTool('ip', [...inside, '-batch', '-'], { input }));
}

function checked(what: string, run: Awaited<ReturnType<typeof runTool>>): string {
  if (run.code === 0) return run.stdout;
  throw new Error(`${what}: ${run.failure ?? run.stderr.trim()}`);
}
