import type { Log } from '../../ports/log.js';
import type { Clock, Timers } from '../../ports/time.js';
import type { Child, Parent } from './child.js';
import type { Crash } from './crash.js';
import { type ActorMonitor, type Dropped, Runtime } from './runtime.js';
import type { SupervisorSpec } from './supervisor.js';
import { Turn, TurnSystem } from './turn.js';

export type { ActorMonitor, Dropped } from './runtime.js';

/** The root's restart intensity was exceeded; `path` names the actor whose crash was the last straw. */
export interface ExitReason {
  readonly kind: 'escalated';
  readonly path: string;
  readonly error: Error;
}

export interface SystemOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly monitor?: ActorMonitor;
  /** Called once at most, when everything has been terminated. The process should then exit non-zero. */
  onExit(reason: ExitReason): void;
}

export interface System {
  /**
   * Stops the actors in the reverse of the order they were started in, then calls `done`: later, or at once
   * if the system has ended already. Messages that wait then are dropped.
   */
  stop(done: () => void): void;
  /**
   * Ends as a killed process does: no actor handles anything any more, none is told, nothing is let go of. For
   * simulators; a process that really is killed needs no help.
   */
  abandon(): void;
  /** Restarts of each actor or supervisor by path, for as long as it is in the tree. */
  readonly restarts: ReadonlyMap<string, number>;
  readonly dropped: Dropped;
  /** What waits to be handled, over all actors: messages, crashes to decide on, requests to pools. */
  inFlight(): number;
}

/** Starts a tree, in a turn of its own: nothing has been initialised when this returns. */
export function startSystem(root: SupervisorSpec, options: SystemOptions): System {
  return new SystemCell(root.child, options);
}

/** What stands above the root: it starts it, and when the root fails or is told to stop it ends everything. */
class SystemCell implements Parent, System {
  readonly path = '';
  readonly turn = new Turn(() => this.takeTurn());
  private readonly root: Child;
  private readonly runtime: Runtime;
  private readonly onExit: (reason: ExitReason) => void;
  private readonly turnSystem: TurnSystem;
  private phase: 'new' | 'running' | 'ended' = 'new';
  private requests = 0;
  private stopped: (() => void)[] = [];

  constructor(root: Child, options: SystemOptions) {
    this.root = root;
    this.runtime = new Runtime(options);
    this.onExit = (reason) => options.onExit(reason);
    root.place(this, this.runtime);
    this.turnSystem = new TurnSystem(options.name);
    this.turn.open(this.turnSystem, 'system');
    this.request();
  }

  get restarts(): ReadonlyMap<string, number> {
    return this.runtime.restarts;
  }

  get dropped(): Dropped {
    return this.runtime.dropped;
  }

  inFlight(): number {
    return this.runtime.abandoned ? 0 : this.runtime.inFlight;
  }

  stop(done: () => void): void {
    if (this.phase === 'ended') {
      done();
      return;
    }
    this.stopped.push(done);
    this.request();
  }

  abandon(): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.runtime.abandoned = true;
    this.turn.close();
    this.turnSystem.close();
  }

  failed(): void {
    this.request();
  }

  private request(): void {
    this.requests += 1;
    this.runtime.inFlight += 1;
    this.turn.ask();
  }

  private takeTurn(): void {
    const { root, runtime, requests } = this;
    if (runtime.abandoned) return;
    this.requests = 0;
    let crash: Crash | undefined = root.crash;
    if (this.phase === 'new') {
      this.phase = 'running';
      crash = root.start();
    }
    if (crash === undefined && this.stopped.length === 0) {
      runtime.settle(requests);
      return;
    }
    this.phase = 'ended';
    root.stop();
    root.end();
    this.turn.close();
    this.turnSystem.close();
    runtime.settle(requests);
    for (const done of this.stopped) done();
    if (crash !== undefined) this.onExit({ kind: 'escalated', ...crash });
  }
}
