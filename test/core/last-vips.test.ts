import test from 'ava';
import type { Endpoint } from '../../src/core/endpoint.js';
import { LastVips } from '../../src/core/last-vips.js';
import type { Vips } from '../../src/core/vips.js';

const vips = (...ports: number[]): Vips =>
  new Map(ports.map((port) => [port as Endpoint, new Set<Endpoint>()]));

test('the first reading is a reset, also of nothing; the same again is unchanged', (t) => {
  const last = new LastVips('a');
  const first = last.take(undefined, vips(), []);
  t.like(first, { kind: 'changed', token: 'a:0', reset: true });
  t.deepEqual(last.take(first.token, vips(), []), { kind: 'unchanged', token: 'a:0', warnings: [] });
});

test('who knows the last state hears what differs, anyone else hears everything', (t) => {
  const last = new LastVips('a');
  const { token } = last.take(undefined, vips(1, 2), []);
  const next = last.take(token, vips(2, 3), []);
  t.like(next, { kind: 'changed', token: 'a:2', reset: false, delta: { removed: [1] } });
  for (const other of [undefined, token, 'b:2']) {
    t.like(last.again(other, []), {
      kind: 'changed',
      token: 'a:2',
      reset: true,
      delta: { upserts: vips(2, 3) },
    });
  }
});
