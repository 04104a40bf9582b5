import { type Child, childPath, type Parent, placedTwice } from './child.js';
import type { Crash } from './crash.js';
import { grantRestart, type RestartHistory, type RestartIntensity } from './restart-intensity.js';
import type { Runtime } from './runtime.js';
import { Turn } from './turn.js';

/** Who is restarted when a child crashes: it alone, all of its siblings, or those started after it. */
export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one';

interface Failure {
  readonly child: Child;
  readonly crash: Crash;
}

/**
 * A supervisor's place in the tree. It decides on its children's crashes in turns of its own; a decision is
 * carried out whole within the turn, so an actor is never half stopped, and one that crashes in `init`
 * during a restart is simply the next crash to decide on.
 */
export class SupervisorCell implements Child, Parent {
  readonly name: string;
  readonly turn = new Turn(() => this.takeTurn());
  crash: Crash | undefined;
  running = false;
  /** In the order they are started. */
  protected readonly children: Map<string, Child>;
  private readonly strategy: Strategy;
  private readonly intensity: RestartIntensity;
  private history: RestartHistory = [];
  private failures: Failure[] = [];
  private placed: { readonly parent: Parent; readonly runtime: Runtime; readonly path: string } | undefined;

  constructor(name: string, strategy: Strategy, intensity: RestartIntensity, children: readonly Child[]) {
    this.name = name;
    this.strategy = strategy;
    this.intensity = intensity;
    this.children = new Map(children.map((child) => [child.name, child]));
    if (this.children.size < children.length) throw new Error(`two children of ${name} have the same name`);
  }

  get path(): string {
    return this.placed?.path ?? this.name;
  }

  get runtime(): Runtime | undefined {
    return this.placed?.runtime;
  }

  place(parent: Parent, runtime: Runtime): void {
    const path = childPath(parent, this.name);
    if (this.placed !== undefined) throw placedTwice(path);
    this.placed = { parent, runtime, path };
    for (const child of this.children.values()) child.place(this, runtime);
  }

  failed(child: Child, crash: Crash): void {
    this.failures.push({ child, crash });
    this.mustBePlaced().runtime.inFlight += 1;
    this.turn.ask();
  }

  start(): Crash | undefined {
    this.crash = undefined;
    this.history = [];
    this.turn.open(this.mustBePlaced().parent.turn, this.name);
    this.running = true;
    return this.bringUp()?.crash;
  }

  stop(): void {
    this.crash = undefined;
    this.running = false;
    for (const child of [...this.children.values()].reverse()) child.stop();
    this.turn.close();
    const { length } = this.failures;
    this.failures = [];
    this.placed?.runtime.settle(length);
  }

  end(): void {
    for (const child of this.children.values()) child.end();
    this.placed?.runtime.restarts.delete(this.path);
  }

  protected takeTurn(): void {
    if (this.mustBePlaced().runtime.abandoned) return;
    const { failures } = this;
    this.failures = [];
    for (const failure of failures) {
      // Restarted meanwhile along with a sibling, or stopped: nothing is left to decide.
      if (failure.child.crash === failure.crash) this.giveUp(this.recover(failure));
    }
    this.mustBePlaced().runtime.settle(failures.length);
  }

  /** Starts what stands still, and gives up if the children crash too often over it. */
  protected bringUp(): Failure | undefined {
    const failure = this.startIdle();
    return failure === undefined ? undefined : this.recover(failure);
  }

  /** Tells the supervisor above that this one failed, after `recover` stopped it. */
  protected giveUp(failure: Failure | undefined): void {
    if (failure === undefined) return;
    this.crash = failure.crash;
    this.mustBePlaced().parent.failed(this, failure.crash);
  }

  /** Restarts until all children run; once the intensity is exceeded everything is stopped and the answer is why. */
  private recover(first: Failure): Failure | undefined {
    const { runtime } = this.mustBePlaced();
    for (let failure: Failure | undefined = first; failure !== undefined; failure = this.startIdle()) {
      const history = grantRestart(this.history, runtime.clock.nowMs(), this.intensity);
      if (history === undefined) {
        this.tellEscalation(failure);
        this.stop();
        return failure;
      }
      this.history = history;
      this.stopGroup(failure);
    }
    return undefined;
  }

  /** Stops, last first, whatever the strategy restarts together with the crashed child. */
  private stopGroup({ child, crash }: Failure): void {
    const { runtime } = this.mustBePlaced();
    let group = [child];
    if (this.strategy !== 'one-for-one') {
      const all = [...this.children.values()];
      group = this.strategy === 'one-for-all' ? all : all.slice(all.indexOf(child));
    }
    for (const member of group.reverse()) {
      // What has not been started yet is not restarted either.
      if (member === child || member.running || member.crash !== undefined) {
        runtime.countRestart(`${this.path}/${member.name}`);
      }
      member.stop();
    }
    const actor = `${this.path}/${child.name}`;
    const fields = crash.path === actor ? { actor } : { actor, began: crash.path };
    runtime.logCrash('warn', 'actor-restarted', `${actor} crashed and is restarted`, crash, fields);
  }

  private startIdle(): Failure | undefined {
    for (const child of this.children.values()) {
      // A crashed child is not idle: its crash waits for a decision, which counts against the intensity.
      if (child.running || child.crash !== undefined) continue;
      const crash = child.start();
      if (crash !== undefined) return { child, crash };
    }
    return undefined;
  }

  private tellEscalation({ child, crash }: Failure): void {
    const { runtime, path } = this.mustBePlaced();
    const { restarts, withinMs } = this.intensity;
    const actor = `${path}/${child.name}`;
    const message = `${actor} crashed again after ${restarts} restarts within ${withinMs} ms; ${path} stops its children and fails itself`;
    runtime.logCrash('error', 'supervisor-escalated', message, crash, {
      supervisor: path,
      actor,
      began: crash.path,
    });
  }

  private mustBePlaced(): { readonly parent: Parent; readonly runtime: Runtime; readonly path: string } {
    if (this.placed === undefined) throw new Error(`${this.name} has no place in a tree`);
    return this.placed;
  }
}
