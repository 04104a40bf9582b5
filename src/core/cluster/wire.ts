import type { Endpoint } from '../endpoint.js';
import type { DigestEntry, Message, NeighbourPriority, RecordKey } from './messages.js';
import { OctetReader, OctetWriter } from './octets.js';
import {
  type KnownRecord,
  knownRecord,
  openRecord,
  RECORD_KINDS,
  RECORD_OCTETS_MOST,
  type SealedRecord,
} from './record.js';

/** The table is compared in so many parts, each the records whose origins' hashes end alike. */
export const BUCKETS = 32;

/** Bounds of what one message may hold. */
const WALK_MOST = 16;
export const PEERS_MOST = 64;
const RECORDS_MOST = 4096;
export const DIGEST_MOST = 2500;

const PRIORITIES: readonly NeighbourPriority[] = ['low', 'high', 'walk'];

/** The first octet of a message: its place in this list. New kinds go to the end. */
const KINDS: readonly Message['kind'][] = [
  'ping',
  'pong',
  'suspect',
  'join',
  'forward-join',
  'neighbour',
  'neighbour-answer',
  'disconnect',
  'shuffle',
  'shuffle-reply',
  'records',
  'summary',
  'digest',
  'want',
];

export type Decoded =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly reason: string };

/** One message is one frame. A ping is 6 octets, or some more after many. */
export function encode(message: Message): Uint8Array {
  const out = new OctetWriter(expectedOctets(message));
  out.u8(KINDS.indexOf(message.kind));
  switch (message.kind) {
    case 'ping':
    case 'pong':
      out.u32(message.tableHash);
      out.varint(message.seq);
      break;
    case 'suspect':
      out.endpoint(message.target);
      out.u8(message.steps);
      break;
    case 'forward-join':
      out.endpoint(message.joiner);
      out.u8(message.ttl);
      break;
    case 'neighbour':
      out.u8(PRIORITIES.indexOf(message.priority));
      break;
    case 'neighbour-answer':
      out.u8(message.accepted ? 1 : 0);
      break;
    case 'shuffle':
      out.u8(message.ttl);
      writePeers(out, message.path);
      writePeers(out, message.peers);
      break;
    case 'shuffle-reply':
      writePeers(out, message.path);
      writePeers(out, message.peers);
      break;
    case 'records':
      for (const { octets } of message.records) {
        out.varint(octets.length);
        out.bytes(octets);
      }
      break;
    case 'summary':
      for (const hash of message.hashes) out.u32(hash);
      break;
    case 'digest':
      out.u32(message.mask);
      out.varint(message.entries.length);
      for (const entry of message.entries) {
        writeKey(out, entry);
        out.varint(entry.epoch);
        out.varint(entry.counter);
        out.u32(entry.hash);
      }
      break;
    case 'want':
      out.varint(message.keys.length);
      for (const key of message.keys) writeKey(out, key);
      break;
    case 'join':
    case 'disconnect':
      break;
  }
  return out.take();
}

/** About how long it becomes: what grows while it is written is copied each time. */
function expectedOctets(message: Message): number {
  switch (message.kind) {
    case 'ping':
    case 'pong':
      return 12;
    case 'records':
      return message.records.reduce((sum, { octets }) => sum + octets.length + 3, 8);
    case 'summary':
      return 8 + 4 * message.hashes.length;
    case 'digest':
      return 16 + 24 * message.entries.length;
    default:
      return 64;
  }
}

/**
 * Reads a frame of a stranger. Never throws, and allocates no more than the frame's own length allows for. Of what is told
 * everybody by everybody most copies say nothing new, and need not be read: those records are the ones that are known already.
 */
export function decode(frame: Uint8Array, known: KnownRecord = () => undefined): Decoded {
  const from = new OctetReader(frame);
  const kind = KINDS[from.u8()];
  if (kind === undefined || frame.length === 0) return { ok: false, reason: 'a message of an unknown kind' };
  const message = readMessage(kind, from, known);
  from.end();
  return from.fault === undefined
    ? { ok: true, message }
    : { ok: false, reason: `a broken ${kind}: ${from.fault}` };
}

function readMessage(kind: Message['kind'], from: OctetReader, known: KnownRecord): Message {
  switch (kind) {
    case 'ping':
    case 'pong':
      return { kind, tableHash: from.u32(), seq: from.varint() };
    case 'suspect':
      return { kind, target: from.endpoint(), steps: readTtl(from) };
    case 'forward-join':
      return { kind, joiner: from.endpoint(), ttl: readTtl(from) };
    case 'neighbour':
      return { kind, priority: readPriority(from) };
    case 'neighbour-answer':
      return { kind, accepted: readBit(from) };
    case 'shuffle': {
      const ttl = readTtl(from);
      const path = readPeers(from, WALK_MOST, 'steps');
      if (path.length === 0) from.fail('it comes from nowhere');
      return { kind, ttl, path, peers: readPeers(from, PEERS_MOST, 'peers') };
    }
    case 'shuffle-reply':
      return {
        kind,
        path: readPeers(from, WALK_MOST, 'steps'),
        peers: readPeers(from, PEERS_MOST, 'peers'),
      };
    case 'records':
      return { kind, records: readRecords(from, known) };
    case 'summary':
      return { kind, hashes: Array.from({ length: BUCKETS }, () => from.u32()) };
    case 'digest': {
      const mask = from.u32();
      const entries: DigestEntry[] = [];
      for (let left = from.count(DIGEST_MOST, 13, 'entries'); left > 0; left -= 1) {
        const key = readKey(from);
        entries.push({ ...key, epoch: from.varint(), counter: from.varint(), hash: from.u32() });
        if (from.fault !== undefined) break;
      }
      return { kind, mask, entries };
    }
    case 'want': {
      const keys: RecordKey[] = [];
      for (let left = from.count(DIGEST_MOST, 7, 'keys'); left > 0 && from.fault === undefined; left -= 1) {
        keys.push(readKey(from));
      }
      return { kind, keys };
    }
    case 'join':
    case 'disconnect':
      return { kind };
  }
}

function readRecords(from: OctetReader, known: KnownRecord): SealedRecord[] {
  const records: SealedRecord[] = [];
  while (from.left > 0 && from.fault === undefined) {
    if (records.length === RECORDS_MOST) {
      from.fail(`more than ${RECORDS_MOST} records`);
      break;
    }
    const length = from.count(RECORD_OCTETS_MOST, 1, 'octets of a record');
    const start = from.skip(length);
    const end = start + length;
    // The frame is a view of what was read, perhaps of much more: what may be kept is copied.
    const opened =
      knownRecord(from.octets, start, end, known) ??
      openRecord(new Uint8Array(from.octets.subarray(start, end)));
    if (typeof opened === 'string') from.fail(opened);
    else records.push(opened);
  }
  return records;
}

/** Peers are few and their order says something, so they are written one by one. */
function writePeers(out: OctetWriter, peers: readonly Endpoint[]): void {
  out.varint(peers.length);
  for (const peer of peers) out.endpoint(peer);
}

function readPeers(from: OctetReader, most: number, what: string): Endpoint[] {
  const peers: Endpoint[] = [];
  for (let left = from.count(most, 6, what); left > 0; left -= 1) {
    const peer = from.endpoint();
    if (peers.includes(peer)) from.fail(`${what} are named twice`);
    peers.push(peer);
    if (from.fault !== undefined) break;
  }
  return peers;
}

function writeKey(out: OctetWriter, key: RecordKey): void {
  out.u8(RECORD_KINDS.indexOf(key.kind));
  out.endpoint(key.origin);
}

function readKey(from: OctetReader): RecordKey {
  const kind = RECORD_KINDS[from.u8()];
  const origin = from.endpoint();
  if (kind !== undefined) return { kind, origin };
  from.fail('a record of an unknown kind');
  return { kind: 'adjacency', origin };
}

function readTtl(from: OctetReader): number {
  const ttl = from.u8();
  if (ttl > WALK_MOST) from.fail(`a walk of ${ttl} steps`);
  return ttl;
}

function readPriority(from: OctetReader): NeighbourPriority {
  const priority = PRIORITIES[from.u8()];
  if (priority !== undefined) return priority;
  from.fail('an unknown priority');
  return 'low';
}

function readBit(from: OctetReader): boolean {
  const bit = from.u8();
  if (bit > 1) from.fail('neither yes nor no');
  return bit === 1;
}
