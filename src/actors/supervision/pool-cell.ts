import type { Child, Parent } from './child.js';
import type { Crash } from './crash.js';
import type { RestartIntensity } from './restart-intensity.js';
import type { Runtime } from './runtime.js';
import { SupervisorCell } from './supervisor-cell.js';

/** Children started or stopped in one turn at most: a few milliseconds, in which a connection may have to wait. */
const CHANGES_PER_TURN = 250;

/**
 * A pool's place in the tree: a supervisor that is told which children are wanted and makes it so in its next
 * turns. Requests change a table and not a queue, so a thousand of them before that turn cost one: with
 * 10,000 children every message to nact's parent actor copies a table of that size.
 */
export class PoolCell extends SupervisorCell {
  private readonly wanted = new Map<string, Child>();
  /** Names whose child may not be the wanted one. */
  private readonly changed = new Set<string>();
  /** Whether the changes count as one thing in flight. */
  private requested = false;
  private ended = false;

  constructor(name: string, intensity: RestartIntensity) {
    super(name, 'one-for-one', intensity, []);
  }

  names(): readonly string[] {
    return [...this.wanted.keys()];
  }

  want(children: readonly Child[]): void {
    for (const child of children) {
      if (this.wanted.get(child.name) === child) continue;
      if (this.runtime !== undefined) child.place(this, this.runtime);
      if (this.ended) child.end();
      else this.replace(child.name, child);
    }
  }

  unwant(names: readonly string[]): void {
    for (const name of names) if (this.wanted.has(name)) this.replace(name, undefined);
  }

  override place(parent: Parent, runtime: Runtime): void {
    super.place(parent, runtime);
    for (const child of this.wanted.values()) child.place(this, runtime);
    if (this.changed.size > 0) this.countRequest();
  }

  override start(): Crash | undefined {
    this.adopt(Number.POSITIVE_INFINITY);
    const crash = super.start();
    this.settleRequest();
    return crash;
  }

  override end(): void {
    this.ended = true;
    super.end();
    for (const [name, child] of this.wanted) if (this.children.get(name) !== child) child.end();
    this.wanted.clear();
    this.changed.clear();
    this.settleRequest();
  }

  protected override takeTurn(): void {
    super.takeTurn();
    // A pool that failed just now has stopped; it adopts what changed when it is started again.
    if (!this.running || this.runtime?.abandoned) return;
    if (!this.adopt(CHANGES_PER_TURN)) return;
    this.giveUp(this.bringUp());
    if (this.changed.size > 0) this.turn.ask();
    this.settleRequest();
  }

  private replace(name: string, child: Child | undefined): void {
    const former = this.wanted.get(name);
    if (former !== undefined && this.children.get(name) !== former) former.end();
    this.wanted.delete(name);
    if (child !== undefined) this.wanted.set(name, child);
    this.changed.add(name);
    this.countRequest();
    this.turn.ask();
  }

  private countRequest(): void {
    if (this.requested || this.runtime === undefined) return;
    this.requested = true;
    this.runtime.inFlight += 1;
  }

  private settleRequest(): void {
    if (!this.requested || this.changed.size > 0) return;
    this.requested = false;
    this.runtime?.settle(1);
  }

  /** Lets go of children that are not wanted any more and takes in new ones, idle; answers whether there were any. */
  private adopt(most: number): boolean {
    let left = most;
    for (const name of this.changed) {
      if (left === 0) break;
      left -= 1;
      this.changed.delete(name);
      const child = this.wanted.get(name);
      const former = this.children.get(name);
      if (former === child) continue;
      former?.stop();
      former?.end();
      this.children.delete(name);
      if (child !== undefined) this.children.set(name, child);
    }
    return left < most;
  }
}
