import test from 'ava';
import type { VipsMessage } from '../../../src/actors/vips/messages.js';
import { type VipTableMessage, vipTable } from '../../../src/actors/vips/vip-table.js';
import { Readiness } from '../../../src/core/readiness.js';
import { SourceBoard } from '../../../src/core/source-board.js';
import { NO_VIPS, type Vips } from '../../../src/core/vips.js';
import { Inbox, Stage } from '../../support/stage.js';
import { delta, textOf, type VipsText } from '../../support/vips.js';

class TableStage extends Stage<VipTableMessage> {
  readonly watcher = new Inbox<VipsMessage>();
  readonly board = new SourceBoard();
  readonly readiness = new Readiness({ vips: 'not yet' }, () => {});
  #seen: Vips = NO_VIPS;

  async start(...sources: readonly string[]): Promise<this> {
    const { watcher, board, readiness, log } = this;
    await this.play(vipTable({ sources, watchers: [watcher], board, readiness, log }));
    return this;
  }

  async read(source: string, upserts: VipsText, ...removed: readonly string[]): Promise<void> {
    await this.send({ kind: 'read', source, reset: false, delta: delta(upserts, ...removed) });
  }

  async readAll(source: string, table: VipsText): Promise<void> {
    await this.send({ kind: 'read', source, reset: true, delta: delta(table) });
  }

  /** What a watcher that follows every message holds now. */
  seen(): VipsText {
    for (const { reset, delta } of this.watcher.take()) {
      const next = new Map(reset ? NO_VIPS : this.#seen);
      for (const [vip, backends] of delta.upserts) next.set(vip, backends);
      for (const vip of delta.removed) next.delete(vip);
      this.#seen = next;
    }
    return textOf(this.#seen);
  }
}

const A = { '10.1.0.1:80': ['10.2.0.1:80'] };
const B = { '10.1.0.2:80': ['10.2.0.2:80'] };

test('the table is the union of what the sources say, VIP by VIP and backend by backend', async (t) => {
  const stage = await new TableStage().start('one', 'two');
  await stage.readAll('one', { ...A, '10.1.0.9:80': ['10.2.0.1:80', '10.2.0.2:80'] });
  await stage.readAll('two', { ...B, '10.1.0.9:80': ['10.2.0.2:80', '10.2.0.3:80'] });
  t.deepEqual(stage.seen(), {
    ...A,
    ...B,
    '10.1.0.9:80': ['10.2.0.1:80', '10.2.0.2:80', '10.2.0.3:80'],
  });
  await stage.read('one', {}, '10.1.0.9:80', '10.1.0.1:80');
  t.deepEqual(stage.seen(), { ...B, '10.1.0.9:80': ['10.2.0.2:80', '10.2.0.3:80'] });
  await stage.readAll('two', B);
  t.deepEqual(stage.seen(), B);
});

test('a VIP without backends is a VIP', async (t) => {
  const stage = await new TableStage().start('one');
  await stage.readAll('one', { '10.1.0.1:80': [] });
  t.deepEqual(stage.seen(), { '10.1.0.1:80': [] });
});

test('it says nothing before every source has answered, and then everything at once', async (t) => {
  const stage = await new TableStage().start('one', 'two');
  await stage.readAll('one', A);
  t.deepEqual(stage.watcher.take(), []);
  t.is(stage.readiness.reasons().length, 1);
  await stage.readAll('two', B);
  const [message, ...more] = stage.watcher.messages;
  t.deepEqual([message?.reset, message?.complete, more.length], [true, true, 0]);
  t.deepEqual(stage.seen(), { ...A, ...B });
  t.deepEqual(stage.readiness.reasons(), []);
});

test('a source that fails has answered, but the table is not complete until it was read well', async (t) => {
  const stage = await new TableStage().start('one', 'two');
  await stage.readAll('one', A);
  await stage.send({ kind: 'failed', source: 'two' });
  t.deepEqual(
    stage.watcher.take().map(({ reset, complete }) => [reset, complete]),
    [[true, false]],
  );
  // Even when the news is that there is none.
  await stage.readAll('two', {});
  t.deepEqual(
    stage.watcher.take().map(({ reset, complete }) => [reset, complete]),
    [[false, true]],
  );
});

test('a source that does not answer within 5 s is not waited for any longer', async (t) => {
  const stage = await new TableStage().start('one', 'two');
  await stage.readAll('one', A);
  await stage.pass(4_999);
  t.deepEqual(stage.watcher.messages, []);
  await stage.pass(1);
  t.deepEqual(
    stage.watcher.messages.map(({ complete }) => complete),
    [false],
  );
  t.deepEqual(stage.seen(), A);
});

test('without any source it is known at once, empty and complete', async (t) => {
  const stage = await new TableStage().start();
  await stage.pass(0);
  t.deepEqual(
    stage.watcher.messages.map(({ reset, complete }) => [reset, complete]),
    [[true, true]],
  );
});

test('a failure deletes nothing, however often', async (t) => {
  const stage = await new TableStage().start('one');
  await stage.readAll('one', A);
  for (let times = 0; times < 10; times += 1) await stage.send({ kind: 'failed', source: 'one' });
  t.deepEqual(stage.seen(), A);
});

test('a reading that changes nothing is not told on', async (t) => {
  const stage = await new TableStage().start('one', 'two');
  await stage.readAll('one', A);
  await stage.readAll('two', A);
  stage.watcher.take();
  await stage.readAll('one', A);
  await stage.read('one', A);
  await stage.read('two', {}, '10.1.0.1:80');
  t.deepEqual(stage.watcher.take(), []);
});

test('a watcher that asks gets everything, once there is something to say', async (t) => {
  const stage = await new TableStage().start('one');
  const asking = new Inbox<VipsMessage>();
  await stage.send({ kind: 'send-all', watcher: asking });
  t.deepEqual(asking.take(), []);
  await stage.readAll('one', A);
  await stage.send({ kind: 'send-all', watcher: asking });
  const [message] = asking.take();
  t.deepEqual([message?.reset, message?.complete, textOf(message!.delta.upserts)], [true, true, A]);
});

test('after a crash it tells everything again, though the sources cannot be read just then', async (t) => {
  const stage = await new TableStage().start('one', 'two');
  await stage.readAll('one', A);
  await stage.readAll('two', B);
  stage.seen();
  await stage.crashAt({ kind: 'failed', source: 'one' });
  const [message] = stage.watcher.messages;
  t.deepEqual([message?.reset, message?.complete], [true, true]);
  t.deepEqual(stage.seen(), { ...A, ...B });
  await stage.send({ kind: 'failed', source: 'one' });
  await stage.pass(10_000);
  t.deepEqual(stage.seen(), { ...A, ...B });
  await stage.readAll('one', {});
  t.deepEqual(stage.seen(), B);
});

test('operators hear of each VIP that comes or goes, a hundred lines at a time', async (t) => {
  const stage = await new TableStage().start('one');
  const table = Object.fromEntries(
    Array.from({ length: 250 }, (_, n) => [`10.1.0.1:${n + 1}`, ['10.2.0.1:80']]),
  );
  const lines = (event: string): number => stage.log.named(event).length;
  await stage.readAll('one', table);
  t.is(lines('vip-added'), 100);
  await stage.pass(10);
  t.is(lines('vip-added'), 200);
  // What is untold when the actor crashes is told all the same, and nothing twice.
  await stage.crashAt({ kind: 'failed', source: 'one' });
  await stage.readAll('one', { '10.1.0.1:1': [] });
  await stage.pass(1_000);
  t.deepEqual([lines('vip-added'), lines('vip-removed')], [250, 249]);
  t.is(new Set(stage.log.named('vip-added').map(({ fields }) => fields.vip)).size, 250);
});

test('how many VIPs each source names is on the board', async (t) => {
  const stage = await new TableStage().start('one', 'two');
  await stage.readAll('one', { ...A, ...B });
  await stage.readAll('two', A);
  await stage.read('one', {}, '10.1.0.1:80');
  t.deepEqual(
    stage.board.statuses(0).map(({ name, vips }) => [name, vips]),
    [
      ['one', 1],
      ['two', 1],
    ],
  );
});
