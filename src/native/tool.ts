import { spawn } from 'node:child_process';

/** How a program that ran to its end (or not) answered. */
export interface ToolRun {
  /** Its exit status; -1 when it did not end by itself. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why there is no exit status: it could not be started (`ENOENT`, `EACCES`, ...), or ran too long. */
  readonly failure: string | undefined;
}

export interface ToolOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Runs a program without a shell and gathers what it says. Never throws and always answers: after
 * `timeoutMs` (10 s) the program is killed and the answer is `failure: 'ETIMEDOUT'`.
 */
export function runTool(file: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolRun> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let failure: string | undefined;
    const timer = setTimeout(() => {
      failure = 'ETIMEDOUT';
      child.kill('SIGKILL');
      // A grandchild may hold the pipes open; whoever asked has waited long enough.
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs);
    const answer = (code: number): void => {
      clearTimeout(timer);
      const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString();
      resolve({ code, stdout: text(stdout), stderr: text(stderr), failure });
    };
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= error.code ?? error.message;
      if (child.pid === undefined) answer(-1);
    });
    child.on('close', (code, signal) => {
      if (code === null) failure ??= signal ?? 'killed';
      answer(failure === undefined ? (code ?? -1) : -1);
    });
    // A program that ends without reading its input closes the pipe; its exit status tells the story.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
