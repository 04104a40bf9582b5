import test from 'ava';
import fc from 'fast-check';
import { type Endpoint, endpoint } from '../../src/core/endpoint.js';
import type { VipsDelta } from '../../src/core/vips.js';
import type { SourceReading } from '../../src/ports/sources.js';
import { decodeReading, encodeDelta } from '../../src/sources/encoded-reading.js';

function pass(delta: VipsDelta): Promise<SourceReading> {
  const packed = encodeDelta(delta);
  return new Promise((resolve) => {
    decodeReading({ kind: 'changed', token: 't', reset: false, delta: packed, warnings: [] }, resolve);
  });
}

test('what is packed is unpacked', async (t) => {
  const one = fc
    .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 65535 }))
    .map(([address, port]) => endpoint(address, port));
  const delta = fc.record({
    upserts: fc
      .array(
        fc.tuple(
          one,
          fc.array(one, { maxLength: 5 }).map((list) => new Set(list)),
        ),
      )
      .map((entries) => new Map<Endpoint, ReadonlySet<Endpoint>>(entries)),
    removed: fc.array(one),
  });
  await fc.assert(
    fc.asyncProperty(delta, async (given) => {
      const reading = await pass(given);
      t.deepEqual(reading, { kind: 'changed', token: 't', reset: false, delta: given, warnings: [] });
    }),
    { numRuns: 200 },
  );
});

test('a large delta arrives whole, in several turns', async (t) => {
  const upserts = new Map<Endpoint, ReadonlySet<Endpoint>>();
  for (let n = 0; n < 5_000; n++) {
    upserts.set(
      endpoint(0x0a000000 + n, 80),
      new Set([1, 2, 3, 4, 5].map((k) => endpoint(0x0b000000 + n, k))),
    );
  }
  let turns = 0;
  let counting = true;
  const count = () => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const reading = await pass({ upserts, removed: [endpoint(1, 1)] });
  counting = false;
  t.deepEqual(reading, {
    kind: 'changed',
    token: 't',
    reset: false,
    delta: { upserts, removed: [endpoint(1, 1)] },
    warnings: [],
  });
  t.true(turns >= 5, `${turns} turns`);
});
