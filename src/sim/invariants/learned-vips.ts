import type { VipTableMessage } from '../../actors/vips/vip-table.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { Vips, VipsDelta } from '../../core/vips.js';

const NONE: ReadonlySet<Endpoint> = new Set();

/**
 * What a daemon's sources told it, folded up by somebody else than its own table. `digest` is the same for equal
 * contents, whichever way they came about, so that they are compared without looking at each.
 */
export class LearnedVips {
  readonly vips = new Map<Endpoint, ReadonlySet<Endpoint>>();
  digest = 0;
  /** When it last changed. */
  changedMs = 0;
  /** Whether every source was read well at least once. */
  readonly readWell = new Set<string>();
  private readonly bySource = new Map<string, Map<Endpoint, ReadonlySet<Endpoint>>>();

  hear(message: unknown, atMs: number): void {
    const news = message as VipTableMessage;
    if (news.kind !== 'read') return;
    this.readWell.add(news.source);
    this.apply(news.source, news.reset, news.delta, atMs);
  }

  private apply(source: string, reset: boolean, delta: VipsDelta, atMs: number): void {
    let said = this.bySource.get(source);
    if (said === undefined) {
      said = new Map();
      this.bySource.set(source, said);
    }
    const touched = new Set<Endpoint>([...delta.upserts.keys(), ...delta.removed]);
    if (reset) {
      for (const vip of said.keys()) touched.add(vip);
      said.clear();
    }
    for (const [vip, backends] of delta.upserts) said.set(vip, backends);
    for (const vip of delta.removed) said.delete(vip);
    const former = this.digest;
    for (const vip of touched) this.change(vip, this.unionOf(vip));
    if (this.digest !== former) this.changedMs = atMs;
  }

  private unionOf(vip: Endpoint): ReadonlySet<Endpoint> | undefined {
    let union: ReadonlySet<Endpoint> | undefined;
    for (const said of this.bySource.values()) {
      const backends = said.get(vip);
      if (backends === undefined) continue;
      union = union === undefined ? backends : new Set([...union, ...backends]);
    }
    return union;
  }

  private change(vip: Endpoint, after: ReadonlySet<Endpoint> | undefined): void {
    const before = this.vips.get(vip);
    if (before !== undefined) this.digest = plus(this.digest, -digestOfVip(vip, before));
    if (after === undefined) this.vips.delete(vip);
    else {
      this.digest = plus(this.digest, digestOfVip(vip, after));
      this.vips.set(vip, after);
    }
  }
}

/** The digest of a whole table, comparable with `LearnedVips.digest`. */
export function digestOf(vips: Vips): number {
  let digest = 0;
  for (const [vip, backends] of vips) digest = plus(digest, digestOfVip(vip, backends));
  return digest;
}

/** A sum over what is in it: the order does not matter, and what is taken away leaves no trace. */
function digestOfVip(vip: Endpoint, backends: ReadonlySet<Endpoint> = NONE): number {
  let digest = scatter(vip, 0x51ed270b);
  for (const backend of backends) digest = plus(digest, scatter(backend, scatter(vip, 0x2545f491)));
  return digest;
}

const MODULUS = 2 ** 48;

function plus(a: number, b: number): number {
  return (((a + b) % MODULUS) + MODULUS) % MODULUS;
}

/** 48 scattered bits of an endpoint (MurmurHash3's finaliser on either half). */
function scatter(value: number, salt: number): number {
  const high = mix(Math.floor(value / 0x10000) ^ salt);
  const low = mix(((value % 0x10000) | 0) ^ high ^ (salt * 31));
  return (high >>> 0) * 0x10000 + (low & 0xffff);
}

function mix(value: number): number {
  let word = value | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
