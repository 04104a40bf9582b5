import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { wardenFile } from './addon.js';
import { ALIVE_SECONDS } from './alive-set.js';

/** Standard input, output and error come before them. */
const FIRST_DESCRIPTOR = 3;

/**
 * A small process beside the daemon that lets SYNs go which the kernel holds for it while it stands still.
 * It shares the sockets of the queues. It starts when they are opened and not with the first heartbeat, before which
 * the daemon may stand still, too, while SYNs are queued on the word of the one before; and again should it end.
 */
export class QueueWarden {
  readonly #file = wardenFile();
  readonly #descriptors = new Set<number>();
  #process: ChildProcess | undefined;
  #starting: NodeJS.Immediate | undefined;

  /** From now on it also watches this queue socket; to be told before the socket is closed. */
  watch(descriptor: number): void {
    this.#descriptors.add(descriptor);
    this.#startAnew();
  }

  /** Lets go of the socket, which would else stay open. */
  unwatch(descriptor: number): void {
    this.#descriptors.delete(descriptor);
    this.#startAnew();
  }

  /** The daemon is alive. */
  beat(): void {
    if (this.#descriptors.size === 0) return;
    this.#process ??= this.#start();
    this.#process.stdin?.write('.');
  }

  /** Queues that are opened or closed together cost one process. */
  #startAnew(): void {
    this.#dismiss();
    this.#starting ??= setImmediate(() => {
      this.#starting = undefined;
      if (this.#descriptors.size > 0) this.#process ??= this.#start();
    });
  }

  #start(): ChildProcess {
    const sockets = [...this.#descriptors];
    const args = [ALIVE_SECONDS * 1000, FIRST_DESCRIPTOR, sockets.length].map(String);
    // In a session of its own, so that a terminal's Ctrl-Z stops the daemon alone.
    const child = spawn(this.#file, args, {
      stdio: ['pipe', 'ignore', 'ignore', ...sockets],
      detached: true,
    });
    const ended = (): void => {
      if (this.#process === child) this.#process = undefined;
    };
    child.on('error', ended);
    child.on('exit', ended);
    // It ended between two beats; the next one starts another.
    child.stdin?.on('error', () => {});
    (child.stdin as Socket | null)?.unref();
    child.unref();
    return child;
  }

  #dismiss(): void {
    this.#process?.kill('SIGKILL');
    this.#process = undefined;
  }
}
