import test from 'ava';
import { Leases } from '../../src/core/leases.js';
import { at } from '../support/endpoints.js';
import { textOf } from '../support/vips.js';

const VIP = at('10.1.0.1:80');
const OTHER = at('10.1.0.2:80');
const A = at('10.2.0.1:80');
const B = at('10.2.0.2:80');

test('a lease lasts until its time, and is renewed by being asked for again', (t) => {
  const leases = new Leases(10);
  t.is(leases.put(VIP, A, 100), 'made');
  t.is(leases.put(VIP, B, 50), 'made');
  t.is(leases.nextExpiryMs(), 50);
  t.is(leases.put(VIP, B, 200), 'renewed');
  t.is(leases.nextExpiryMs(), 100);
  t.false(leases.expire(99));
  t.true(leases.expire(100));
  t.deepEqual(textOf(leases.vips()), { '10.1.0.1:80': ['10.2.0.2:80'] });
  t.true(leases.expire(1_000));
  t.deepEqual([textOf(leases.vips()), leases.size, leases.nextExpiryMs()], [{}, 0, undefined]);
});

test('a VIP is there as long as any backend holds a lease', (t) => {
  const leases = new Leases(10);
  leases.put(VIP, A, 100);
  leases.put(OTHER, A, 100);
  leases.put(VIP, B, 100);
  t.true(leases.remove(VIP, A));
  t.false(leases.remove(VIP, A));
  t.deepEqual(textOf(leases.vips()), { '10.1.0.1:80': ['10.2.0.2:80'], '10.1.0.2:80': ['10.2.0.1:80'] });
  t.true(leases.remove(VIP, B));
  t.deepEqual([...leases.vips().keys()], [OTHER]);
});

test('there are no more leases than allowed; those that run can be renewed all the same', (t) => {
  const leases = new Leases(2);
  leases.put(VIP, A, 100);
  leases.put(OTHER, A, 100);
  t.is(leases.put(VIP, B, 100), 'full');
  t.is(leases.put(OTHER, A, 200), 'renewed');
  leases.remove(VIP, A);
  t.is(leases.put(VIP, B, 100), 'made');
  t.is(leases.size, 2);
});

test('while nothing changes the VIPs are the same object, also over heartbeats', (t) => {
  const leases = new Leases(2);
  leases.put(VIP, A, 100);
  const before = leases.vips();
  leases.put(VIP, A, 200);
  leases.expire(150);
  t.is(leases.vips(), before);
});
