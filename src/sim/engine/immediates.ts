/** One callback that waits for its turn; nact takes it back when an actor is stopped. */
class Immediate {
  /** Undefined once it ran or was taken back. */
  run: (() => void) | undefined;

  constructor(run: () => void) {
    this.run = run;
  }
}

type Scheduler = Pick<typeof globalThis, 'setImmediate' | 'clearImmediate'>;

/**
 * Stands in for the loop's immediates while simulations run, in the same order: one callback, then what it promised (one
 * step of it: nact awaits once), then the next. Each turn of the real loop asks the operating system what happened outside,
 * and in a simulation nothing does; that took a fifth of its time.
 *
 * nact calls the global `setImmediate`, so that is what is replaced, for the whole process and for as long as anybody holds
 * it. Others that call it meanwhile are served, too; modules of Node.js have their own.
 */
class Immediates {
  /** Those that wait lie from `next` up to `end`; before and behind them are places to use again. */
  private readonly places: (Immediate | undefined)[] = [];
  private next = 0;
  private end = 0;
  private holders = 0;
  private native: Scheduler | undefined;

  hold(): void {
    this.native ??= this.replace();
    this.holders += 1;
  }

  /** What still waits when nobody holds it any more, the real loop runs. */
  release(): void {
    this.holders -= 1;
    if (this.holders > 0) return;
    const left = this.places.slice(this.next, this.end);
    this.places.length = 0;
    this.next = 0;
    this.end = 0;
    for (const immediate of left) setImmediate(() => immediate!.run?.());
  }

  /** Once and for all: the real `clearImmediate` must never see one of ours. */
  private replace(): Scheduler {
    const native = { setImmediate, clearImmediate };
    globalThis.setImmediate = ((callback: (...args: unknown[]) => void, ...args: unknown[]) => {
      if (this.holders === 0) return native.setImmediate(callback, ...args);
      const immediate = new Immediate(args.length === 0 ? callback : () => callback(...args));
      this.places[this.end] = immediate;
      this.end += 1;
      return immediate;
    }) as unknown as typeof setImmediate;
    globalThis.clearImmediate = (immediate: unknown) => {
      if (immediate instanceof Immediate) immediate.run = undefined;
      else native.clearImmediate(immediate as NodeJS.Immediate);
    };
    return native;
  }

  /** Runs the one that has waited longest; false if none waits. What it promised comes when the caller awaits. */
  runNext(): boolean {
    if (this.next === this.end) return false;
    const immediate = this.places[this.next]!;
    this.places[this.next] = undefined;
    this.next += 1;
    if (this.next === this.end) {
      this.next = 0;
      this.end = 0;
    }
    const { run } = immediate;
    immediate.run = undefined;
    run?.();
    return true;
  }

  /** Lets the real loop turn once. */
  outside(): Promise<void> {
    return new Promise((resolve) => {
      (this.native ?? globalThis).setImmediate(resolve);
    });
  }
}

export const immediates = new Immediates();
