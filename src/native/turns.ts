import type { FirewallResult } from '../ports/firewall.js';
import { KernelError } from '../ports/kernel-error.js';

/** Lets jobs that change the kernel's rules and sets run one after the other, in the order they were asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `job` when those before it are through. What the kernel refuses is an answer; anything else is a bug. */
  answer<T>(job: () => Promise<FirewallResult<T>>, done: (result: FirewallResult<T>) => void): void {
    const turn = this.#last.then(job).catch((error: unknown): FirewallResult<T> => {
      if (error instanceof KernelError) return { ok: false, code: error.code, message: error.message };
      throw error;
    });
    this.#last = turn.catch(() => {});
    void turn.then(done);
  }
}
