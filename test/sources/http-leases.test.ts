import test from 'ava';
import { type VipPollerMessage, vipPoller } from '../../src/actors/vips/vip-poller.js';
import type { VipTableMessage } from '../../src/actors/vips/vip-table.js';
import { SourceBoard } from '../../src/core/source-board.js';
import { applyDelta, NO_VIPS, type Vips } from '../../src/core/vips.js';
import { HttpLeases } from '../../src/sources/http-leases.js';
import { at } from '../support/endpoints.js';
import { ManualTime } from '../support/manual-time.js';
import { Inbox, Stage } from '../support/stage.js';
import { textOf } from '../support/vips.js';
import { Follower } from './reading.js';

const VIP = at('10.1.0.1:80');
const A = at('10.2.0.1:80');
const B = at('10.2.0.2:80');
const SPEC = { maxLeases: 100, maxTtlMs: 60_000 };

test('leases: readings answer what stands, and changes are told when they happen', async (t) => {
  const time = new ManualTime();
  const leases = new HttpLeases(SPEC, time, time);
  let told = 0;
  leases.watch(() => {
    told += 1;
  });
  const follower = new Follower(leases);
  t.is(await follower.step(), 'reset: ');
  leases.put(VIP, A, 10_000);
  leases.put(VIP, B, 20_000);
  t.is(told, 2);
  t.is(await follower.step(), 'changed: 10.1.0.1:80=10.2.0.1:80,10.2.0.2:80');
  time.advance(9_000);
  t.is(leases.put(VIP, A, 10_000), 'renewed');
  t.is(told, 2, 'a heartbeat changes nothing');
  t.is(await follower.step(), 'unchanged: 10.1.0.1:80=10.2.0.1:80,10.2.0.2:80');
  t.deepEqual(
    [...leases.running()].map(({ leftMs }) => leftMs),
    [10_000, 11_000],
  );
  time.advance(10_000);
  t.is(told, 3);
  t.is(await follower.step(), 'changed: 10.1.0.1:80=10.2.0.2:80');
  time.advance(1_000);
  t.is(told, 4);
  t.is(await follower.step(), 'changed: ');
  t.is(time.pending, 0, 'nothing to wait for');
});

test('leases: removing one is told, removing none is not', (t) => {
  const time = new ManualTime();
  const leases = new HttpLeases(SPEC, time, time);
  let told = 0;
  leases.watch(() => {
    told += 1;
  });
  leases.put(VIP, A, 10_000);
  t.true(leases.remove(VIP, A));
  t.false(leases.remove(VIP, A));
  t.is(told, 2);
});

test('leases: a shorter one wakes earlier, and closing lets go of the timer', (t) => {
  const time = new ManualTime();
  const leases = new HttpLeases(SPEC, time, time);
  leases.put(VIP, A, 10_000);
  leases.put(VIP, B, 2_000);
  time.advance(2_000);
  t.is([...leases.running()].length, 1);
  leases.close();
  t.is(time.pending, 0);
});

test('leases outlive a crash of their poller, and so does their end', async (t) => {
  const stage = new Stage<VipPollerMessage>();
  const { time, log } = stage;
  const leases = new HttpLeases(SPEC, time, time);
  const table = new Inbox<VipTableMessage>();
  await stage.play(
    vipPoller({
      entry: { source: leases, pollIntervalMs: 5_000 },
      table,
      record: new SourceBoard().record('http'),
      clock: time,
      random: { next: () => 0.5 },
      log,
    }),
  );
  let known: Vips = NO_VIPS;
  const told = () => {
    for (const message of table.take()) {
      if (message.kind === 'read') known = applyDelta(message.reset ? NO_VIPS : known, message.delta);
    }
    return textOf(known);
  };
  leases.put(VIP, A, 3_000);
  await stage.pass(1);
  t.deepEqual(told(), { '10.1.0.1:80': ['10.2.0.1:80'] });
  await stage.crashAt({ kind: 'changed' });
  await stage.pass(1_000);
  t.deepEqual(told(), { '10.1.0.1:80': ['10.2.0.1:80'] });
  await stage.pass(2_000);
  t.deepEqual(told(), {}, 'well before the next poll');
});
