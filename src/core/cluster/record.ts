import type { Endpoint } from '../endpoint.js';
import type { Vips } from '../vips.js';
import { ENDPOINT_OCTETS, endpointAt, OctetReader, OctetWriter } from './octets.js';

/**
 * Orders what one origin published: `epoch` counts its starts (and refutations), `counter` what it published since.
 * Never repeats, never goes back, whatever happens to its clock.
 */
export interface Version {
  readonly epoch: number;
  readonly counter: number;
}

interface Published extends Version {
  /** Who speaks, of itself only. */
  readonly origin: Endpoint;
}

/**
 * A neighbour that fell silent or whose links broke off, and the last that it had said by then: whatever it says later takes
 * this back.
 */
export interface Death extends Version {
  readonly node: Endpoint;
}

/** With whom a node has a working link. */
export interface AdjacencyRecord extends Published {
  readonly kind: 'adjacency';
  readonly name: string;
  /** It has left in good order: no search for it, no alarm. */
  readonly left: boolean;
  /** Ascending. */
  readonly neighbours: readonly Endpoint[];
  /** Neighbours that died a moment ago, ascending: whoever did not know passes it on at once. */
  readonly died: readonly Death[];
}

/** What a node serves: VIPs with the backends that it knows of by itself. */
export interface AdvertRecord extends Published {
  readonly kind: 'advert';
  readonly vips: Vips;
}

export type ClusterRecord = AdjacencyRecord | AdvertRecord;
export type RecordKind = ClusterRecord['kind'];

/** A record as its origin put it on the wire; others pass these octets on and never write them anew. */
export interface SealedRecord<R extends ClusterRecord = ClusterRecord> {
  readonly record: R;
  readonly octets: Uint8Array;
  /** 32 bits of the octets. */
  readonly hash: number;
}

/** Bounds of what is read from others, and of what is published. */
export const NEIGHBOURS_MOST = 64;
const NAME_OCTETS_MOST = 128;
export const VIPS_MOST = 1024;
export const BACKENDS_MOST = 4096;
/** The longest advert: every number of its 48 bits takes seven octets, and so do origin, epoch and counter. */
export const RECORD_OCTETS_MOST = 40_000;

export const RECORD_KINDS: readonly RecordKind[] = ['adjacency', 'advert'];

const LEFT = 1;
const DIED = 2;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Positive when `a` is the later one, 0 when they are the same. */
export function compareVersions(a: Version, b: Version): number {
  return a.epoch === b.epoch ? a.counter - b.counter : a.epoch - b.epoch;
}

/** Of two records of one version (an origin that lost its memory, or a lie) everybody keeps the same one. */
export function compareSealed(a: SealedRecord, b: SealedRecord): number {
  const versions = compareVersions(a.record, b.record);
  if (versions !== 0) return versions;
  if (a.hash !== b.hash) return a.hash - b.hash;
  return compareOctets(a.octets, b.octets);
}

/** The same two records as a digest names them. */
export function compareClaims(a: Version & { hash: number }, b: Version & { hash: number }): number {
  return compareVersions(a, b) || a.hash - b.hash;
}

export function sealRecord<R extends ClusterRecord>(record: R): SealedRecord<R> {
  const out = new OctetWriter();
  out.u8(RECORD_KINDS.indexOf(record.kind));
  out.endpoint(record.origin);
  out.varint(record.epoch);
  out.varint(record.counter);
  if (record.kind === 'adjacency') {
    out.u8((record.left ? LEFT : 0) + (record.died.length > 0 ? DIED : 0));
    const name = nameOctets(record.name);
    out.varint(name.length);
    out.bytes(name);
    out.endpoints(record.neighbours);
    if (record.died.length > 0) out.endpoints(record.died.map(({ node }) => node));
    for (const { epoch, counter } of record.died) {
      out.varint(epoch);
      out.varint(counter);
    }
  } else {
    const vips = [...record.vips.keys()].sort(ascending);
    out.varint(vips.length);
    let last = 0;
    for (const vip of vips) {
      out.varint(vip - last);
      last = vip;
      out.endpoints([...record.vips.get(vip)!].sort(ascending));
    }
  }
  const octets = out.take();
  return { record, octets, hash: hashOctets(octets) };
}

/** What is known of an origin. */
export type KnownRecord = (origin: Endpoint, kind: RecordKind) => SealedRecord | undefined;

/** The record of just the octets from `start` to `end`, if it is the one that is known: they begin with whose it is. */
export function knownRecord(
  octets: Uint8Array,
  start: number,
  end: number,
  known: KnownRecord,
): SealedRecord | undefined {
  const kind = RECORD_KINDS[octets[start]!];
  if (kind === undefined || end - start < 1 + ENDPOINT_OCTETS) return undefined;
  const sealed = known(endpointAt(octets, start + 1), kind);
  if (sealed === undefined || sealed.octets.length !== end - start) return undefined;
  const ours = sealed.octets;
  for (let i = 0; i < ours.length; i += 1) if (ours[i] !== octets[start + i]) return undefined;
  return sealed;
}

/** A number of its own for each origin and kind; endpoints have 48 bits, so that there is room. */
export function keyOf(origin: Endpoint, kind: RecordKind): number {
  return origin * RECORD_KINDS.length + RECORD_KINDS.indexOf(kind);
}

/** Never throws: answers the record or what is wrong with it. `octets` is kept, not copied. */
export function openRecord(octets: Uint8Array): SealedRecord | string {
  if (octets.length > RECORD_OCTETS_MOST) return `a record of ${octets.length} octets`;
  const from = new OctetReader(octets);
  const kind = RECORD_KINDS[from.u8()];
  const origin = from.endpoint();
  const epoch = from.varint();
  const counter = from.varint();
  if (kind === undefined) return 'a record of an unknown kind';
  const record: ClusterRecord =
    kind === 'adjacency'
      ? { kind, origin, epoch, counter, ...readAdjacency(from, origin) }
      : { kind, origin, epoch, counter, vips: readVips(from) };
  from.end();
  return from.fault ?? { record, octets, hash: hashOctets(octets) };
}

export function ascending(a: number, b: number): number {
  return a - b;
}

/** Spreads 32 bits so that sums of hashes tell sets apart (the finaliser of MurmurHash3). */
export function mix32(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function readAdjacency(
  from: OctetReader,
  origin: Endpoint,
): Pick<AdjacencyRecord, 'left' | 'name' | 'neighbours' | 'died'> {
  const flags = from.u8();
  if (flags > LEFT + DIED) from.fail('an adjacency with unknown flags');
  const name = readName(from);
  const neighbours = from.endpoints(NEIGHBOURS_MOST, 'neighbours');
  if (neighbours.includes(origin)) from.fail('a node is its own neighbour');
  const died = (flags & DIED) === 0 ? [] : readDeaths(from, origin);
  return { left: (flags & LEFT) !== 0, name, neighbours, died };
}

function readDeaths(from: OctetReader, origin: Endpoint): Death[] {
  const nodes = from.endpoints(NEIGHBOURS_MOST, 'dead neighbours');
  if (nodes.length === 0) from.fail('deaths of nobody');
  if (nodes.includes(origin)) from.fail('a node tells of its own death');
  return nodes.map((node) => ({ node, epoch: from.varint(), counter: from.varint() }));
}

function readName(from: OctetReader): string {
  const octets = from.bytes(from.count(NAME_OCTETS_MOST, 1, 'octets of a name'));
  try {
    const name = decoder.decode(octets);
    // Names go to logs and terminals.
    if (/\p{Cc}/u.test(name)) from.fail('a name with control characters');
    return name;
  } catch {
    from.fail('a name that is no UTF-8');
    return '';
  }
}

function readVips(from: OctetReader): Vips {
  const vips = new Map<Endpoint, ReadonlySet<Endpoint>>();
  let last = 0;
  let backendsLeft = BACKENDS_MOST;
  for (let left = from.count(VIPS_MOST, 2, 'VIPs'); left > 0; left -= 1) {
    const distance = from.varint();
    if (distance === 0) from.fail('a VIP is named twice');
    last += distance;
    if (last < 2 ** 40 || last >= 2 ** 48 || last % 65536 === 0) from.fail('a VIP that is none');
    const backends = from.endpoints(backendsLeft, 'backends');
    if (from.fault !== undefined) break;
    backendsLeft -= backends.length;
    vips.set(last as Endpoint, new Set(backends));
  }
  return vips;
}

/** Control characters become `?`; what is too long is cut at a character. */
function nameOctets(name: string): Uint8Array {
  const octets = new Uint8Array(NAME_OCTETS_MOST);
  const { written } = encoder.encodeInto(name.replace(/\p{Cc}/gu, '?'), octets);
  return octets.subarray(0, written);
}

/** FNV-1a. */
function hashOctets(octets: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < octets.length; i += 1) hash = Math.imul(hash ^ octets[i]!, 0x01000193);
  return mix32(hash);
}

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i += 1) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
