import { type Endpoint, formatEndpoint } from '../endpoint.js';
import type { GossipEffect } from './effects.js';
import type { Reachability } from './reachability.js';
import { hasLeft, type RecordTable } from './record-table.js';

interface Absence {
  readonly sinceMs: number;
  readonly left: boolean;
}

/**
 * Says who came, who was lost and who left, as the graph changes; and forgets who has been gone for too long. Somebody whose
 * records came before the path to it is nobody yet, so it is not lost either.
 */
export class Liveness {
  readonly #table: RecordTable;
  readonly #reachability: Reachability;
  readonly #keep: { readonly keepDeadMs: number; readonly keepLeftMs: number };
  readonly #present = new Set<Endpoint>();
  readonly #absent = new Map<Endpoint, Absence>();
  readonly #names = new Map<Endpoint, string>();
  readonly #owners = new Map<string, Set<Endpoint>>();
  readonly #logs: GossipEffect[] = [];
  #seenMembers = -1;
  #seenReached = -1;
  #dropMs: number | undefined;

  constructor(
    table: RecordTable,
    reachability: Reachability,
    keep: { readonly keepDeadMs: number; readonly keepLeftMs: number },
  ) {
    this.#table = table;
    this.#reachability = reachability;
    this.#keep = keep;
  }

  /** Two nodes of one name both go on; an operator wants to know. */
  named(member: Endpoint, name: string): void {
    const before = this.#names.get(member);
    if (before === name) return;
    this.#unname(member);
    this.#names.set(member, name);
    const owners = this.#owners.get(name) ?? new Set();
    this.#owners.set(name, owners.add(member));
    if (owners.size < 2) return;
    const nodes = [...owners].map(formatEndpoint);
    this.#logs.push({
      kind: 'log',
      level: 'warn',
      event: 'duplicate-node-name',
      message: `${nodes.length} nodes are called "${name}": give each a name of its own (node.name)`,
      fields: { name, nodes },
    });
  }

  /** Whether there is anything to see since the last look. */
  get stale(): boolean {
    return (
      this.#seenMembers !== this.#table.memberRevision ||
      this.#seenReached !== this.#reachability.reachedRevision ||
      this.#logs.length > 0
    );
  }

  look(nowMs: number): readonly GossipEffect[] {
    const effects = this.#logs.splice(0);
    const { stale } = this;
    const dropped = this.#dropMs !== undefined && this.#dropMs <= nowMs ? this.#drop(nowMs) : [];
    if (!stale && dropped.length === 0) return effects;
    const found: Endpoint[] = [];
    const lost: Endpoint[] = [];
    const left: Endpoint[] = [];
    // Somebody who never was here, or who left, may be missed all of a sudden: nobody is lost, but whom to avoid is another.
    let missed = false;
    for (const [member, records] of this.#table.entries()) {
      if (this.#reachability.has(member)) {
        this.#absent.delete(member);
        if (this.#present.has(member)) continue;
        this.#present.add(member);
        if (member !== this.#reachability.self) found.push(member);
        continue;
      }
      const gone = hasLeft(records);
      const absence = this.#absent.get(member);
      if (absence === undefined || absence.left !== gone) {
        this.#absent.set(member, { sinceMs: absence?.sinceMs ?? nowMs, left: gone });
        missed ||= !gone;
      }
      if (this.#present.delete(member)) (gone ? left : lost).push(member);
      else if (gone && absence?.left === false) left.push(member);
    }
    this.#seenMembers = this.#table.memberRevision;
    this.#seenReached = this.#reachability.reachedRevision;
    this.#planDrop();
    if (missed || found.length + lost.length + left.length + dropped.length > 0) {
      effects.push({ kind: 'members', found, lost, left, dropped });
    }
    return effects;
  }

  nextDropMs(): number | undefined {
    return this.#dropMs;
  }

  #drop(nowMs: number): Endpoint[] {
    const dropped: Endpoint[] = [];
    for (const [member, absence] of this.#absent) {
      if (this.#dueMs(absence) > nowMs || this.#reachability.has(member)) continue;
      this.#absent.delete(member);
      this.#unname(member);
      this.#table.delete(member);
      this.#reachability.delete(member);
      dropped.push(member);
    }
    this.#planDrop();
    return dropped;
  }

  #planDrop(): void {
    let nextMs: number | undefined;
    for (const absence of this.#absent.values()) {
      const dueMs = this.#dueMs(absence);
      if (nextMs === undefined || dueMs < nextMs) nextMs = dueMs;
    }
    this.#dropMs = nextMs;
  }

  #dueMs({ sinceMs, left }: Absence): number {
    return sinceMs + (left ? this.#keep.keepLeftMs : this.#keep.keepDeadMs);
  }

  #unname(member: Endpoint): void {
    const name = this.#names.get(member);
    if (name === undefined) return;
    this.#names.delete(member);
    const owners = this.#owners.get(name);
    owners?.delete(member);
    if (owners?.size === 0) this.#owners.delete(name);
  }
}
