import test from 'ava';
import seedrandom from 'seedrandom';
import { type VipPollerMessage, vipPoller } from '../../../src/actors/vips/vip-poller.js';
import type { VipTableMessage } from '../../../src/actors/vips/vip-table.js';
import { SourceBoard } from '../../../src/core/source-board.js';
import { ScriptedSource } from '../../support/scripted-source.js';
import { Inbox, Stage } from '../../support/stage.js';

const INTERVAL_MS = 1_000;
const A = { '10.1.0.1:80': ['10.2.0.1:80'] };
const B = { '10.1.0.2:80': ['10.2.0.2:80'] };

class PollerStage extends Stage<VipPollerMessage> {
  readonly source = new ScriptedSource('file:test', this.time);
  readonly table = new Inbox<VipTableMessage>();
  readonly record = new SourceBoard().record('file:test');
  /** When readings began. */
  readonly beganMs: number[] = [];

  async start(prepare: (source: ScriptedSource) => void = () => {}, expiresAfterMs?: number): Promise<this> {
    const { source, table, record, time, log } = this;
    prepare(source);
    const read = source.read.bind(source);
    source.read = (token, done) => {
      this.beganMs.push(time.nowMs());
      read(token, done);
    };
    const random = seedrandom('poller');
    await this.play(
      vipPoller({
        entry: {
          source,
          pollIntervalMs: INTERVAL_MS,
          ...(expiresAfterMs === undefined ? {} : { expiresAfterMs }),
        },
        table,
        record,
        clock: time,
        random: { next: random },
        log,
      }),
    );
    await this.pass(0);
    return this;
  }

  /** What the table was told, in short. */
  told(): string {
    return this.table
      .take()
      .map((message) =>
        message.kind === 'read' ? `read ${[...message.delta.upserts.keys()].length}` : message.kind,
      )
      .join(' ');
  }
}

test('it reads at once, and then about every interval, never in step', async (t) => {
  const stage = await new PollerStage().start();
  await stage.pass(200 * INTERVAL_MS);
  const gaps = stage.beganMs.slice(1).map((ms, i) => ms - stage.beganMs[i]!);
  t.is(stage.beganMs[0], 0);
  t.true(gaps.every((gap) => gap >= 0.9 * INTERVAL_MS && gap <= 1.1 * INTERVAL_MS));
  t.true(Math.min(...gaps) < 0.92 * INTERVAL_MS && Math.max(...gaps) > 1.08 * INTERVAL_MS);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  t.true(Math.abs(mean - INTERVAL_MS) < 0.02 * INTERVAL_MS, `${mean}`);
});

test('what changed goes to the table, what did not is not told; each reading builds on the last token', async (t) => {
  const stage = await new PollerStage().start((source) => source.serve(A));
  await stage.pass(5);
  t.is(stage.told(), 'read 1');
  await stage.pass(3 * INTERVAL_MS);
  t.is(stage.told(), '');
  stage.source.serve({ ...A, ...B });
  await stage.pass(10);
  t.is(stage.told(), 'read 2');
  t.deepEqual([...new Set(stage.source.tokens)], [undefined, '1']);
  t.true(stage.record.ok);
});

test('a change is read at once; one that comes during a reading is read right after it, once', async (t) => {
  const stage = await new PollerStage().start((source) => source.serve(A));
  stage.source.serve(B);
  stage.source.serve(A);
  stage.source.serve(B);
  t.is(stage.source.readings, 1);
  await stage.pass(20);
  t.is(stage.source.readings, 2);
  t.is(stage.source.overlaps, 0);
});

test('a poll that falls into a slow reading is skipped', async (t) => {
  const stage = await new PollerStage().start((source) => {
    source.delayMs = 3.5 * INTERVAL_MS;
  });
  await stage.pass(3.4 * INTERVAL_MS);
  t.is(stage.source.readings, 1);
  await stage.pass(1.5 * INTERVAL_MS);
  t.deepEqual([stage.source.readings, stage.source.overlaps], [2, 0]);
});

test('a failure is told to the table each time, to operators once a minute, and its end once', async (t) => {
  const stage = await new PollerStage().start((source) => {
    source.failing = 'connection refused';
  });
  await stage.pass(59 * INTERVAL_MS);
  t.is(stage.log.named('source-error').length, 1);
  t.regex(stage.log.named('source-error')[0]!.message, /file:test: connection refused; nothing was read yet/);
  const failures = stage.table.take();
  t.true(failures.length > 50 && failures.every(({ kind }) => kind === 'failed'));
  await stage.pass(5 * INTERVAL_MS);
  t.is(stage.log.named('source-error').length, 2);
  t.deepEqual([stage.record.ok, stage.record.lastError], [false, 'connection refused']);
  stage.source.failing = 'timeout';
  await stage.pass(2 * INTERVAL_MS);
  t.is(stage.log.named('source-error').length, 3);
  stage.source.failing = undefined;
  stage.source.serve(A);
  await stage.pass(2 * INTERVAL_MS);
  t.is(stage.log.named('source-recovered').length, 1);
  t.deepEqual([stage.record.ok, stage.record.lastError], [true, 'timeout']);
  stage.source.failing = 'timeout';
  await stage.pass(2 * INTERVAL_MS);
  t.regex(stage.log.named('source-error')[3]!.message, /keeping the last good answer/);
});

test('what cannot be read for too long counts no longer, once; read again it counts again', async (t) => {
  const stage = await new PollerStage().start((source) => source.serve(A), 10 * INTERVAL_MS);
  await stage.pass(5 * INTERVAL_MS);
  t.is(stage.told(), 'read 1');
  stage.source.failing = 'timeout';
  await stage.pass(8 * INTERVAL_MS);
  t.false(stage.told().includes('read'));
  await stage.crashAt({ kind: 'poll' });
  await stage.pass(8 * INTERVAL_MS);
  t.deepEqual(
    stage
      .told()
      .split(' failed')
      .join('')
      .match(/read \d/g),
    ['read 0'],
  );
  t.is(stage.log.named('source-expired').length, 1);
  stage.source.failing = undefined;
  await stage.pass(2 * INTERVAL_MS);
  t.is(stage.told(), 'read 1');
  stage.source.failing = 'timeout';
  await stage.pass(20 * INTERVAL_MS);
  t.is(stage.log.named('source-expired').length, 2);
});

test('a source that was never read has nothing to expire', async (t) => {
  const stage = await new PollerStage().start((source) => {
    source.failing = 'timeout';
  }, 2 * INTERVAL_MS);
  await stage.pass(20 * INTERVAL_MS);
  t.is(stage.log.named('source-expired').length, 0);
});

test('a warning is told once and not at every poll', async (t) => {
  const stage = await new PollerStage().start((source) => {
    source.warnings = [
      { item: 'task t1', reason: 'has no port 3' },
      { item: 'task t2', reason: 'has no port 3' },
    ];
  });
  await stage.pass(10 * INTERVAL_MS);
  t.deepEqual(
    stage.log.named('source-warning').map(({ fields }) => fields.item),
    ['task t1', 'task t2'],
  );
});

test('a warning told for ever anew stops being told after a thousand', async (t) => {
  const stage = await new PollerStage().start((source) => {
    source.warnings = Array.from({ length: 3_000 }, (_, n) => ({ item: `task ${n}`, reason: 'bad' }));
  });
  await stage.pass(3 * INTERVAL_MS);
  t.is(stage.log.named('source-warning').length, 1_000);
});

test('after a crash it reads everything anew, at the same rhythm and never twice at a time', async (t) => {
  const stage = await new PollerStage().start((source) => {
    source.serve(A);
    source.delayMs = 300;
  });
  await stage.pass(2);
  // A reading is under way: its answer is for the incarnation that asked.
  await stage.crashAt({ kind: 'changed' });
  await stage.pass(299);
  t.is(stage.told(), '');
  await stage.pass(301);
  t.is(stage.told(), 'read 1');
  t.deepEqual(stage.source.tokens.slice(0, 2), [undefined, undefined]);
  const before = stage.source.readings;
  await stage.pass(100 * INTERVAL_MS);
  t.true(Math.abs(stage.source.readings - before - 100) <= 2, `${stage.source.readings - before}`);
  t.deepEqual([stage.source.overlaps, stage.source.watches], [0, 1]);
});

test('a crash at the very answer is healed by the next reading', async (t) => {
  const stage = await new PollerStage().start((source) => source.serve(A));
  stage.crashNext();
  await stage.pass(5);
  t.is(stage.told(), '');
  await stage.pass(10);
  t.is(stage.told(), 'read 1');
  t.is(stage.source.overlaps, 0);
});

test('an answer to a reading of long ago is ignored', async (t) => {
  const stage = await new PollerStage().start();
  await stage.pass(10);
  stage.table.take();
  await stage.send({ kind: 'reading', request: 999, reading: { kind: 'failed', reason: 'stale' } });
  t.is(stage.told(), '');
  t.is(stage.record.errors, 0);
});
