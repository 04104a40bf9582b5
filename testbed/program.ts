import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How a program ended: by itself (`code`) or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Waiter {
  readonly wanted: (line: string) => boolean;
  readonly resolve: (line: string) => void;
}

/** A program that runs until it is killed or ends; what it prints is gathered line by line. */
export class Program {
  readonly pid: number;
  readonly name: string;
  /** Lines of stdout and stderr so far, in the order they were read. */
  readonly lines: string[] = [];
  readonly exited: Promise<Ending>;
  #child: ChildProcess;
  #running = true;
  #waiters = new Set<Waiter>();

  private constructor(child: ChildProcess, pid: number, name: string) {
    this.#child = child;
    this.pid = pid;
    this.name = name;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#heard(line));
    }
    // `close`, not `exit`: whoever sees the end has all of the lines.
    this.exited = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.#running = false;
        resolve({ code, signal });
      });
    });
  }

  /** Starts it; the answer comes when it runs, the error when there is no such program. */
  static start(
    file: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    { name = file, input = false }: { readonly name?: string; readonly input?: boolean } = {},
  ): Promise<Program> {
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { env, stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
      child.once('error', reject);
      // Its end is told by `exited`; what is written to it after that is lost.
      child.stdin?.on('error', () => {});
      child.once('spawn', () => resolve(new Program(child, child.pid!, name)));
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** The first line, of those gone by or to come, that fits; an error with all lines if none does in time. */
  waitForLine(wanted: RegExp | ((line: string) => boolean), timeoutMs = 10_000): Promise<string> {
    const fits = typeof wanted === 'function' ? wanted : (line: string) => wanted.test(line);
    const gone = this.lines.find(fits);
    if (gone !== undefined) return Promise.resolve(gone);
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        reject(
          new Error(`${this.name} ${why} without the line ${wanted}; it said:\n${this.lines.join('\n')}`),
        );
      };
      const waiter: Waiter = {
        wanted: fits,
        resolve: (line) => {
          clearTimeout(timer);
          resolve(line);
        },
      };
      const timer = setTimeout(() => fail(`ran ${timeoutMs} ms`), timeoutMs);
      this.#waiters.add(waiter);
      void this.exited.then(() => {
        if (this.#waiters.has(waiter)) fail('ended');
      });
    });
  }

  /** A line on its input; an error if it was started without one. */
  write(line: string): void {
    if (this.#child.stdin === null) throw new Error(`${this.name} has no input`);
    this.#child.stdin.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.#running) this.#child.kill(signal);
  }

  /** Asks it to end, insists after `patienceMs`, and answers how it ended. */
  async stop(patienceMs = 5_000): Promise<Ending> {
    this.kill('SIGTERM');
    const insist = setTimeout(() => this.kill('SIGKILL'), patienceMs);
    const ending = await this.exited;
    clearTimeout(insist);
    return ending;
  }

  #heard(line: string): void {
    this.lines.push(line);
    for (const waiter of [...this.#waiters]) {
      if (!waiter.wanted(line)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(line);
    }
  }
}
