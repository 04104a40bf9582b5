import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../bench/evaluation/evaluation.js', import.meta.url));

/** `npm run evaluation` as somebody started it in a terminal. */
export interface EvaluationCommand {
  readonly pid: number;
  /** Waits for the first line on stderr that fits. */
  said(line: RegExp): Promise<void>;
  /** What Ctrl-C does: everything that was started hears of it at once, the command and its workers. */
  pressCtrlC(): void;
  /** Waits for its end and answers its status. */
  readonly ended: Promise<number | null>;
}

/** What it keeps for a while goes to `scratch`. */
export function startEvaluation(args: readonly string[], scratch: string): EvaluationCommand {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    // A process group of its own, as a shell gives to each command.
    detached: true,
    env: { ...process.env, TMPDIR: scratch },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return {
    pid: child.pid!,
    ended,
    pressCtrlC: () => process.kill(-child.pid!, 'SIGINT'),
    said: async (line) => {
      const over = ended.then(() => {
        throw new Error(`it ended without a line ${line}; it said:\n${lines.join('\n')}`);
      });
      while (!lines.some((one) => line.test(one))) await Promise.race([once(reader, 'line'), over]);
      over.catch(() => undefined);
    },
  };
}

/** The processes that a process has started and that still run. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
