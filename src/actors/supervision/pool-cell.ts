import type { Child, Parent } from './child.js';
import type { Crash } from './crash.js';
import type { RestartIntensity } from './restart-intensity.js';
import type { Runtime } from './runtime.js';
import { SupervisorCell } from './supervisor-cell.js';

/**
 * A pool's place in the tree: a supervisor that is told which children are wanted and makes it so in its next
 * turn. Requests change a table and not a queue, so a thousand of them before that turn cost one: with
 * 10,000 children every message to nact's parent actor copies a table of that size.
 */
export class PoolCell extends SupervisorCell {
  private readonly wanted = new Map<string, Child>();
  /** Names whose child may not be the wanted one. While there are any, one request is in flight. */
  private readonly changed = new Set<string>();
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
    if (this.changed.size > 0) runtime.inFlight += 1;
  }

  override start(): Crash | undefined {
    const requested = this.adopt();
    const crash = super.start();
    this.runtime?.settle(requested);
    return crash;
  }

  override end(): void {
    this.ended = true;
    super.end();
    for (const [name, child] of this.wanted) if (this.children.get(name) !== child) child.end();
    this.wanted.clear();
    const requested = this.changed.size > 0 ? 1 : 0;
    this.changed.clear();
    this.runtime?.settle(requested);
  }

  protected override takeTurn(): void {
    super.takeTurn();
    // A pool that failed just now has stopped; it adopts what changed when it is started again.
    if (!this.running) return;
    const requested = this.adopt();
    if (requested > 0) this.giveUp(this.bringUp());
    this.runtime?.settle(requested);
  }

  private replace(name: string, child: Child | undefined): void {
    const former = this.wanted.get(name);
    if (former !== undefined && this.children.get(name) !== former) former.end();
    this.wanted.delete(name);
    if (child !== undefined) this.wanted.set(name, child);
    if (this.changed.size === 0 && this.runtime !== undefined) this.runtime.inFlight += 1;
    this.changed.add(name);
    this.turn.ask();
  }

  /** Lets go of children that are not wanted any more and takes in the new ones, idle; answers the requests done. */
  private adopt(): number {
    if (this.changed.size === 0) return 0;
    for (const name of this.changed) {
      const child = this.wanted.get(name);
      const former = this.children.get(name);
      if (former === child) continue;
      former?.stop();
      former?.end();
      this.children.delete(name);
      if (child !== undefined) this.children.set(name, child);
    }
    this.changed.clear();
    return 1;
  }
}
