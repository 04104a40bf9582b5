import type { Endpoint } from '../../core/endpoint.js';
import type { Engine } from '../engine/engine.js';

/** Why a tool or a request failed: an errno's name, as src/ports/kernel-error.ts has it, and what it says. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** A set of destinations (`hash:ip,port`), or one that holds every address for a while (`hash:net`, with timeouts). */
export interface IpSet {
  readonly kind: 'destinations' | 'everything';
  members: Set<Endpoint>;
  readonly room: number;
  /** Of `everything`: until when, in virtual time. */
  untilMs: number;
}

/** The sets of a host, by name. */
export class IpSets {
  /** How many rules name a set. */
  references: (name: string) => number = () => 0;
  private readonly engine: Engine;
  private readonly sets = new Map<string, IpSet>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  find(name: string): IpSet | undefined {
    return this.sets.get(name);
  }

  names(): readonly string[] {
    return [...this.sets.keys()];
  }

  /** Entries, or undefined when there is no such set. */
  size(name: string): number | undefined {
    const set = this.sets.get(name);
    if (set === undefined) return undefined;
    if (set.kind === 'destinations') return set.members.size;
    return set.untilMs >= this.engine.nowMs ? 2 : 0;
  }

  has(name: string, destination: Endpoint): boolean {
    return this.sets.get(name)?.members.has(destination) === true;
  }

  holdsEverything(name: string): boolean {
    const set = this.sets.get(name);
    return set !== undefined && set.untilMs >= this.engine.nowMs;
  }

  create(name: string, kind: IpSet['kind'], room = 65_536): Refusal | undefined {
    if (this.sets.has(name)) return refusal('EEXIST', 'set with the same name already exists');
    this.sets.set(name, { kind, members: new Set(), room, untilMs: -1 });
    return undefined;
  }

  add(name: string, destinations: readonly Endpoint[]): Refusal | undefined {
    const set = this.sets.get(name);
    if (set === undefined) return noSuch(name);
    for (const destination of destinations) {
      if (set.members.size >= set.room && !set.members.has(destination))
        return refusal('ENOSPC', `Hash is full, cannot add more elements`);
      set.members.add(destination);
    }
    return undefined;
  }

  delete(name: string, destinations: readonly Endpoint[]): Refusal | undefined {
    const set = this.sets.get(name);
    if (set === undefined) return noSuch(name);
    for (const destination of destinations) set.members.delete(destination);
    return undefined;
  }

  /** Both names stand for the other's contents from now on; rules look at names. */
  swap(one: string, other: string): Refusal | undefined {
    const a = this.sets.get(one);
    const b = this.sets.get(other);
    if (a === undefined || b === undefined) return noSuch(a === undefined ? one : other);
    if (a.kind !== b.kind) return refusal('ETOOL', 'The sets cannot be swapped: their type does not match');
    this.sets.set(one, b);
    this.sets.set(other, a);
    return undefined;
  }

  destroy(name: string): Refusal | undefined {
    if (!this.sets.has(name)) return noSuch(name);
    if (this.references(name) > 0)
      return refusal('EINUSE', 'Set cannot be destroyed: it is in use by a kernel component');
    this.sets.delete(name);
    return undefined;
  }

  /** Lets a set hold every address until then; the errno's name if it cannot. */
  renew(name: string, untilMs: number): string | undefined {
    const set = this.sets.get(name);
    if (set === undefined) return 'ENOENT';
    if (set.kind !== 'everything') return 'EINVAL';
    set.untilMs = untilMs;
    return undefined;
  }

  clear(): void {
    this.sets.clear();
  }
}

export function refusal(code: string, message: string): Refusal {
  return { code, message };
}

function noSuch(name: string): Refusal {
  return refusal('ENOENT', `The set with the given name does not exist: ${name}`);
}
