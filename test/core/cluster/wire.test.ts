import test from 'ava';
import fc from 'fast-check';
import type { Message } from '../../../src/core/cluster/messages.js';
import {
  BACKENDS_MOST,
  compareSealed,
  openRecord,
  RECORD_OCTETS_MOST,
  type SealedRecord,
  sealRecord,
  VIPS_MOST,
} from '../../../src/core/cluster/record.js';
import { decode, encode } from '../../../src/core/cluster/wire.js';
import { type Endpoint, endpoint } from '../../../src/core/endpoint.js';
import { anyMessage, anyRecord } from './wire-arbitrary.js';
import { fuzzDecode } from './wire-fuzz.js';

const A = endpoint(0x0a630001, 61420);
const B = endpoint(0x0a630002, 61420);

function octets(...parts: (number | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}
const WIRE_A = [0x0a, 0x63, 0x00, 0x01, 0xef, 0xec];
const ZERO = [0, 0, 0, 0, 0, 0];
const ADJACENCY = {
  kind: 'adjacency',
  origin: A,
  epoch: 1,
  counter: 1,
  name: 'a',
  left: false,
  died: [],
} as const;

test('whatever is sent is what is read', (t) => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const decoded = decode(encode(message));
      if (!decoded.ok) throw new Error(decoded.reason);
      t.deepEqual(decoded.message, message);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

const SIZES: readonly [Message, number][] = [
  [{ kind: 'ping', seq: 100, tableHash: 0xffffffff }, 6],
  [{ kind: 'pong', seq: 2_000_000, tableHash: 1 }, 8],
  [{ kind: 'suspect', target: A, steps: 3 }, 8],
  [{ kind: 'join' }, 1],
  [{ kind: 'summary', hashes: new Array(32).fill(0xffffffff) }, 129],
  [{ kind: 'shuffle', ttl: 5, path: [A], peers: [A, B] }, 22],
];
for (const [message, size] of SIZES) {
  test(`a ${message.kind} takes ${size} octets`, (t) => {
    t.is(encode(message).length, size);
  });
}

test('a record that is known octet by octet is not read again, any other is', (t) => {
  const sealed = sealRecord({ ...ADJACENCY, neighbours: [B] });
  const again = sealRecord({ ...ADJACENCY, neighbours: [B] });
  const later = sealRecord({ ...ADJACENCY, counter: 2, neighbours: [B] });
  const read = (sent: SealedRecord): SealedRecord => {
    const decoded = decode(encode({ kind: 'records', records: [sent] }), (origin, kind) =>
      origin === A && kind === 'adjacency' ? sealed : undefined,
    );
    if (!decoded.ok || decoded.message.kind !== 'records') throw new Error('not read');
    return decoded.message.records[0]!;
  };
  t.is(read(again), sealed);
  t.deepEqual(read(later), later);
});

test('an adjacency of seven neighbours in one network takes 50 octets', (t) => {
  const neighbours = Array.from({ length: 7 }, (_, i) => endpoint(0x0a630010 + 5 * i, 61420));
  const { octets } = sealRecord({
    kind: 'adjacency',
    origin: A,
    epoch: 3,
    counter: 200,
    name: 'node-17',
    left: false,
    died: [],
    neighbours,
  });
  t.true(octets.length <= 50, `${octets.length}`);
});

test('the largest advert fits its bound', (t) => {
  const far = (i: number): Endpoint => endpoint(2 ** 24 + i * 260_000, 1 + (i % 65_535));
  const vips = new Map(
    Array.from(
      { length: VIPS_MOST },
      (_, i) => [far(i), new Set([0, 1, 2, 3].map((j) => far(4 * i + j)))] as const,
    ),
  );
  const sealed = sealRecord({ kind: 'advert', origin: A, epoch: 2 ** 48 - 1, counter: 2 ** 48 - 1, vips });
  t.is(
    [...vips.values()].reduce((sum, { size }) => sum + size, 0),
    BACKENDS_MOST,
  );
  t.true(sealed.octets.length <= RECORD_OCTETS_MOST, `${sealed.octets.length}`);
  t.deepEqual(openRecord(sealed.octets), sealed);
});

const BROKEN: readonly [string, Uint8Array, RegExp][] = [
  ['an empty frame', octets(), /unknown kind/],
  ['an unknown kind', octets(14), /unknown kind/],
  ['a ping cut short', octets(0, 1, 2), /ends too early/],
  ['a ping with something behind it', octets(0, ZERO.slice(2), 1, 9), /1 octets too many/],
  ['a number in more octets than it needs', octets(0, [0, 0, 0, 0], 0x80, 0), /number is too long/],
  [
    'a number beyond 48 bits',
    octets(0, [0, 0, 0, 0], 255, 255, 255, 255, 255, 255, 127),
    /number is too long/,
  ],
  ['a suspect without a port', octets(2, WIRE_A.slice(0, 4), 0, 0), /endpoint that is none/],
  ['a suspect at 0.0.0.0', octets(2, ZERO), /endpoint that is none/],
  ['a walk of 17 steps', octets(4, WIRE_A, 17), /walk of 17/],
  ['a priority of its own', octets(5, 3), /unknown priority/],
  ['an answer that is neither yes nor no', octets(6, 2), /neither yes nor no/],
  ['a shuffle from nowhere', octets(8, 5, 0, 0), /from nowhere/],
  ['a shuffle that names a peer twice', octets(8, 5, 1, WIRE_A, 2, WIRE_A, WIRE_A), /named twice/],
  ['a shuffle of 65 peers', octets(8, 5, 1, WIRE_A, 65), /65 peers/],
  ['peers that the frame has no room for', octets(9, 0, 60, WIRE_A), /ends too early/],
  ['a digest of a billion entries', octets(12, [0, 0, 0, 0], 255, 255, 255, 255, 3), /more than 2500/],
  ['keys that the frame has no room for', octets(13, 255, 15), /ends too early/],
  ['a record that ends early', octets(10, 3, 0, 1, 2), /ends too early/],
  ['a record longer than the frame', octets(10, 100, 0), /ends too early/],
  ['a record of an unknown kind', octets(10, 10, 9, WIRE_A, 1, 1, 0), /unknown kind/],
  ['a name with an escape in it', octets(10, 13, 0, WIRE_A, 1, 1, 0, 1, 27, 0, 0), /control characters/],
  ['a name that is no UTF-8', octets(10, 12, 0, WIRE_A, 1, 1, 0, 1, 255, 0), /no UTF-8/],
];
for (const [what, frame, why] of BROKEN) {
  test(`refused: ${what}`, (t) => {
    const decoded = decode(frame);
    t.false(decoded.ok);
    t.regex(decoded.ok ? '' : decoded.reason, why);
  });
}

test('a node that is its own neighbour is refused', (t) => {
  const sealed = sealRecord({ ...ADJACENCY, neighbours: [A] });
  t.is(openRecord(sealed.octets), 'a node is its own neighbour');
});

test('a neighbour named twice cannot be said', (t) => {
  const sealed = sealRecord({ ...ADJACENCY, neighbours: [B, B] });
  t.regex(String(openRecord(sealed.octets)), /named twice/);
});

test('names are made fit for the wire', (t) => {
  const sealed = sealRecord({ ...ADJACENCY, name: `a\u001b${'é'.repeat(100)}`, neighbours: [] });
  const opened = openRecord(sealed.octets);
  t.true(
    typeof opened !== 'string' &&
      opened.record.kind === 'adjacency' &&
      opened.record.name === `a?${'é'.repeat(63)}`,
  );
});

test('of any two records everybody prefers the same one', (t) => {
  fc.assert(
    fc.property(anyRecord, anyRecord, (a, b) => {
      const [first, second] = [sealRecord(a), sealRecord(b)];
      t.is(Math.sign(compareSealed(first, second)), -Math.sign(compareSealed(second, first)) + 0);
      t.is(compareSealed(first, sealRecord(a)), 0);
    }),
  );
});

test('20,000 random and mutated frames neither throw nor make more than they are', (t) => {
  const outcome = fuzzDecode(20_000, 'frames');
  t.true(outcome.accepted > 1000);
  t.true(outcome.mostPerOctet <= 1);
  t.true(outcome.slowestMs < 500);
});
