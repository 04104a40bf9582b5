import fc from 'fast-check';
import type { Message } from '../../../src/core/cluster/messages.js';
import {
  type AdjacencyRecord,
  type AdvertRecord,
  type ClusterRecord,
  sealRecord,
} from '../../../src/core/cluster/record.js';
import { BUCKETS } from '../../../src/core/cluster/wire.js';
import { type Endpoint, endpoint } from '../../../src/core/endpoint.js';

const number48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const ttl = fc.integer({ min: 0, max: 16 });

/** Few addresses, so that things meet; and any. */
export const anyEndpoint: fc.Arbitrary<Endpoint> = fc
  .tuple(
    fc.oneof(
      fc.integer({ min: 0x0a000001, max: 0x0a000020 }),
      fc.integer({ min: 2 ** 24, max: 2 ** 32 - 1 }),
    ),
    fc.oneof(fc.constant(61420), fc.integer({ min: 1, max: 65535 })),
  )
  .map(([address, port]) => endpoint(address, port));

const peers = fc.uniqueArray(anyEndpoint, { maxLength: 16 });
const sorted = peers.map((list) => list.sort((a, b) => a - b));
const version = { origin: anyEndpoint, epoch: number48, counter: number48 };

const adjacency: fc.Arbitrary<AdjacencyRecord> = fc
  .record({
    kind: fc.constant('adjacency' as const),
    ...version,
    name: fc.stringMatching(/^[a-z0-9äß.-]{0,20}$/),
    left: fc.boolean(),
    neighbours: sorted,
    died: fc
      .uniqueArray(fc.record({ node: anyEndpoint, epoch: number48, counter: number48 }), {
        maxLength: 8,
        selector: ({ node }) => node,
      })
      .map((list) => list.sort((a, b) => a.node - b.node)),
  })
  .map((record) => ({
    ...record,
    neighbours: record.neighbours.filter((n) => n !== record.origin),
    died: record.died.filter(({ node }) => node !== record.origin),
  }));

const advert: fc.Arbitrary<AdvertRecord> = fc.record({
  kind: fc.constant('advert' as const),
  ...version,
  vips: fc
    .uniqueArray(fc.tuple(anyEndpoint, sorted), { maxLength: 8, selector: ([vip]) => vip })
    .map(
      (list) => new Map(list.sort(([a], [b]) => a - b).map(([vip, backends]) => [vip, new Set(backends)])),
    ),
});

export const anyRecord: fc.Arbitrary<ClusterRecord> = fc.oneof(adjacency, advert);

const key = { origin: anyEndpoint, kind: fc.constantFrom('adjacency' as const, 'advert' as const) };

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constantFrom('ping' as const, 'pong' as const), seq: number48, tableHash: u32 }),
  fc.record({ kind: fc.constant('suspect' as const), target: anyEndpoint, steps: ttl }),
  fc.record({ kind: fc.constantFrom('join' as const, 'disconnect' as const) }),
  fc.record({ kind: fc.constant('forward-join' as const), joiner: anyEndpoint, ttl }),
  fc.record({
    kind: fc.constant('neighbour' as const),
    priority: fc.constantFrom('low' as const, 'high' as const, 'walk' as const),
  }),
  fc.record({ kind: fc.constant('neighbour-answer' as const), accepted: fc.boolean() }),
  fc.record({
    kind: fc.constant('shuffle' as const),
    ttl,
    path: fc.uniqueArray(anyEndpoint, { minLength: 1, maxLength: 16 }),
    peers,
  }),
  fc.record({ kind: fc.constant('shuffle-reply' as const), path: peers, peers }),
  fc.record({
    kind: fc.constant('records' as const),
    records: fc.array(anyRecord.map(sealRecord), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('summary' as const),
    hashes: fc.array(u32, { minLength: BUCKETS, maxLength: BUCKETS }),
  }),
  fc.record({
    kind: fc.constant('digest' as const),
    mask: u32,
    entries: fc.array(fc.record({ ...key, epoch: number48, counter: number48, hash: u32 }), { maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant('want' as const), keys: fc.array(fc.record(key), { maxLength: 8 }) }),
);
