import { fork } from 'node:child_process';

export interface WorkerOptions<Task, Result> {
  /** A module that calls `serveTasks`. */
  readonly program: URL;
  readonly tasks: readonly Task[];
  readonly workers: number;
  /** Called in whichever order they end. */
  readonly onResult: (result: Result) => void;
  /** Once it is aborted tasks that have not ended are left out. */
  readonly signal?: AbortSignal;
  /** What a worker is sent then: SIGTERM, if it may have something to clear away. */
  readonly endBy?: 'SIGKILL' | 'SIGTERM';
}

/**
 * Much room for objects to die young in: a simulated minute goes by in a second. And the other cores have workers of their own,
 * so that threads which help to collect garbage would only take turns with those.
 */
const HEAP = ['--max-semi-space-size=128', '--single-threaded-gc'];

/** Does tasks in processes of their own, as many at a time as there are workers. A process that dies is an error. */
export async function runInWorkers<Task, Result>(options: WorkerOptions<Task, Result>): Promise<void> {
  const { program, tasks, workers, onResult, signal, endBy = 'SIGKILL' } = options;
  const waiting = [...tasks];
  const work = (): Promise<void> =>
    new Promise((done, failed) => {
      const child = fork(program, {
        execArgv: [...process.execArgv, ...HEAP],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        serialization: 'advanced',
      });
      const stop = (): void => void child.kill(endBy);
      signal?.addEventListener('abort', stop, { once: true });
      const next = (): void => {
        const task = waiting.shift();
        if (task === undefined) child.disconnect();
        else child.send(task as object);
      };
      child.on('message', (result) => {
        if (signal?.aborted === true) {
          child.disconnect();
          return;
        }
        onResult(result as Result);
        next();
      });
      child.on('exit', (code, how) => {
        signal?.removeEventListener('abort', stop);
        if (code === 0 || signal?.aborted === true) done();
        else failed(new Error(`a worker ended with ${how ?? code}; ${waiting.length} tasks were left`));
      });
      if (signal?.aborted === true) stop();
      else next();
    });
  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, work));
}

/** Makes this process a worker: does what its parent sends, one after the other, until the parent is gone. */
export function serveTasks<Task, Result>(run: (task: Task) => Promise<Result>): void {
  // Ctrl-C in a terminal reaches all processes; the parent decides what is to be done.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (task) => {
    run(task as Task).then(
      (result) => process.send?.(result as object),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}
