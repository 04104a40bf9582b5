import test from 'ava';
import seedrandom from 'seedrandom';
import type { PlacedMessage } from '../../../src/actors/data-plane/balancer.js';
import { balancerManager } from '../../../src/actors/data-plane/balancer-manager.js';
import { Directory } from '../../../src/actors/data-plane/directory.js';
import { type ActorSpec, actor } from '../../../src/actors/supervision/actor.js';
import { pool } from '../../../src/actors/supervision/pool.js';
import { supervisor } from '../../../src/actors/supervision/supervisor.js';
import { type System, startSystem } from '../../../src/actors/supervision/system.js';
import type { VipsMessage } from '../../../src/actors/vips/messages.js';
import type { VipTableMessage } from '../../../src/actors/vips/vip-table.js';
import { type Endpoint, formatEndpoint } from '../../../src/core/endpoint.js';
import { Telemetry } from '../../../src/core/telemetry.js';
import { at } from '../../support/endpoints.js';
import { ManualTime } from '../../support/manual-time.js';
import { MemoryConntrack } from '../../support/memory-kernel/conntrack.js';
import { pass } from '../../support/passing-time.js';
import { quiet } from '../../support/quiet.js';
import { RecordingLog } from '../../support/recording-log.js';
import { Inbox } from '../../support/stage.js';
import { delta, type VipsText } from '../../support/vips.js';

const LIMITS = { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 };

/** The manager, its pool and the balancers in it. */
class Fleet {
  readonly time = new ManualTime();
  readonly log = new RecordingLog();
  readonly conntrack = new MemoryConntrack(this.time);
  readonly directory = new Directory();
  readonly table = new Inbox<VipTableMessage>();
  readonly pool = pool('balancers');
  readonly answers = new Inbox<PlacedMessage>();
  readonly manager: ActorSpec<VipsMessage>;
  readonly system: System;
  crashAt: string | undefined;
  #packets = 0;

  constructor() {
    const random = { next: seedrandom('fleet') };
    const { time, log } = this;
    const options = { ...this, limits: LIMITS, telemetry: new Telemetry(), clock: time, random };
    this.manager = actor('manager', balancerManager(options));
    this.system = startSystem(supervisor('root', { strategy: 'one-for-one' }, [this.pool, this.manager]), {
      name: 'fleet',
      clock: time,
      timers: time,
      log,
      monitor: {
        beforeMessage: (path) => {
          if (this.crashAt === undefined || !path.endsWith(this.crashAt)) return;
          this.crashAt = undefined;
          throw new Error('no luck');
        },
      },
      onExit: ({ error }) => {
        throw error;
      },
    });
  }

  async tell(
    upserts: VipsText,
    options: { removed?: readonly string[]; reset?: boolean } = {},
  ): Promise<void> {
    const { removed = [], reset = false } = options;
    this.manager.mailbox.send({ kind: 'vips', reset, delta: delta(upserts, ...removed), complete: true });
    await quiet(this.system);
  }

  /** The backend that the VIP's balancer chooses; 'nobody' when none answers. */
  async place(vip: string, client = '10.9.0.1:1'): Promise<string | undefined> {
    this.#packets += 1;
    const syn = { id: this.#packets, client: at(client), vip: at(vip), inInterface: 0, arrivedMs: 0 };
    this.directory.entries.get(at(vip))?.mailbox.send({ kind: 'place', syns: [syn], replyTo: this.answers });
    await quiet(this.system);
    const [answer] = this.answers.take();
    if (answer === undefined) return 'nobody';
    const backend: Endpoint | undefined = answer.backends[0];
    return backend && formatEndpoint(backend);
  }

  async observe(vip: string, kind: 'answered' | 'refused', client: string, backend: string): Promise<void> {
    const event = { kind, vip: at(vip), client: at(client), backend: at(backend), atMs: this.time.nowMs() };
    this.directory.entries.get(at(vip))?.mailbox.send({ kind: 'observed', events: [event] });
    await quiet(this.system);
  }

  get vips(): string[] {
    return [...this.directory.entries.keys()].map(formatEndpoint).sort();
  }

  pending(vip: string): number | undefined {
    return this.directory.entries.get(at(vip))?.balancer?.handshakesInFlight;
  }
}

const A = '10.1.0.1:80';
const B = '10.1.0.2:80';
const X = '10.2.0.1:80';
const Y = '10.2.0.2:80';

test('each VIP has a balancer, as long as it is desired', async (t) => {
  const fleet = new Fleet();
  await quiet(fleet.system);
  t.false(fleet.directory.known);
  await fleet.tell({ [A]: [X], [B]: [] }, { reset: true });
  t.true(fleet.directory.known);
  t.deepEqual([await fleet.place(A), await fleet.place(B)], [X, undefined]);
  await fleet.tell({}, { removed: [A] });
  t.deepEqual([fleet.vips, fleet.pool.names()], [[B], [B]]);
  t.is(await fleet.place(A), 'nobody');
  await fleet.tell({ [A]: [Y] });
  t.is(await fleet.place(A, '10.9.0.1:2'), Y);
});

test('a whole table replaces what there was', async (t) => {
  const fleet = new Fleet();
  await fleet.tell({ [A]: [X], [B]: [X] }, { reset: true });
  await fleet.tell({ [B]: [Y] }, { reset: true });
  t.deepEqual([fleet.vips, fleet.pool.names()], [[B], [B]]);
  t.is(await fleet.place(B), Y);
});

test('other backends serve from then on; connections in flight end where they began', async (t) => {
  const fleet = new Fleet();
  await fleet.tell({ [A]: [X] }, { reset: true });
  await fleet.place(A, '10.9.0.1:1');
  await fleet.tell({ [A]: [Y] });
  t.is(await fleet.place(A, '10.9.0.1:2'), Y);
  t.is(fleet.pending(A), 2);
  await fleet.observe(A, 'answered', '10.9.0.1:1', X);
  t.is(fleet.pending(A), 1);
});

test('a handshake that nobody answers fails after 400 ms, and the fifth in a row is told', async (t) => {
  const fleet = new Fleet();
  await fleet.tell({ [A]: [X] }, { reset: true });
  for (let n = 1; n <= 5; n += 1) await fleet.place(A, `10.9.0.1:${n}`);
  await pass(fleet.time, fleet.system, 399);
  t.is(fleet.pending(A), 5);
  await pass(fleet.time, fleet.system, 1);
  t.is(fleet.pending(A), 0);
  const [told, ...more] = fleet.log.named('backend-unavailable');
  t.deepEqual([told?.fields.vip, told?.fields.backend, more.length], [A, X, 0]);
  await pass(fleet.time, fleet.system, 30_000);
  await fleet.place(A, '10.9.0.1:9');
  await fleet.observe(A, 'answered', '10.9.0.1:9', X);
  t.deepEqual(
    fleet.log.named('backend-available').map(({ fields }) => fields.backend),
    [X],
  );
  await pass(fleet.time, fleet.system, 400);
  t.is(fleet.time.pending, 0);
});

test('what is known of a backend survives its balancer: a crash, or a VIP that goes and comes back', async (t) => {
  const fleet = new Fleet();
  await fleet.tell({ [A]: [X, Y] }, { reset: true });
  for (let n = 1; n <= 5; n += 1) {
    for (const backend of [X, Y]) {
      if ((await fleet.place(A, `10.9.0.1:${n}`)) === backend) {
        await fleet.observe(A, backend === X ? 'refused' : 'answered', `10.9.0.1:${n}`, backend);
      }
    }
  }
  const failures = (): number | undefined => {
    const statuses = [...(fleet.directory.entries.get(at(A))?.balancer?.statuses(0) ?? [])];
    return statuses.find(({ backend }) => backend === at(X))?.failures;
  };
  const before = failures();
  t.true(before! > 0);
  await fleet.place(A, '10.9.0.1:77');
  fleet.crashAt = A;
  await fleet.place(A, '10.9.0.1:78');
  t.deepEqual([failures(), fleet.pending(A)], [before, 0]);
  await fleet.tell({}, { removed: [A] });
  await fleet.tell({ [A]: [X] });
  t.deepEqual([failures(), fleet.pending(A)], [before, 0]);
});

test('a crash of the manager loses no VIP, and it asks for all that it missed', async (t) => {
  const fleet = new Fleet();
  await fleet.tell({ [A]: [X] }, { reset: true });
  t.is(fleet.table.take().length, 1);
  fleet.crashAt = 'manager';
  await fleet.tell({ [B]: [Y] });
  t.is(fleet.table.take().length, 1);
  t.is(await fleet.place(A), X);
  await fleet.tell({ [A]: [X], [B]: [Y] }, { reset: true });
  t.is(await fleet.place(B), Y);
});

const states = [
  { state: 'syn-sent', ends: false, successes: 0, failures: 0 },
  { state: 'established', ends: true, successes: 1, failures: 0 },
  { state: 'time-wait', ends: true, successes: 1, failures: 0 },
  // The backend's refusal, or the client's end of a short connection: nobody can tell.
  { state: 'close', ends: true, successes: 0, failures: 0 },
] as const;
for (const { state, ends, successes, failures } of states) {
  test(`events were lost and the entry is in ${state}: ${successes} successes, ${failures} failures`, async (t) => {
    const fleet = new Fleet();
    await fleet.tell({ [A]: [X] }, { reset: true });
    await fleet.place(A);
    fleet.conntrack.stand({ client: at('10.9.0.1:1'), vip: at(A) }, at(X), state);
    const entry = fleet.directory.entries.get(at(A))!;
    entry.mailbox.send({ kind: 'resynchronise' });
    await quiet(fleet.system);
    const [status] = [...entry.balancer!.statuses(0)];
    t.deepEqual([fleet.pending(A) === 0, status?.successes, status?.failures], [ends, successes, failures]);
  });
}

test('a handshake whose answer was not noticed has not failed: the entry is looked at before it is given up', async (t) => {
  const fleet = new Fleet();
  await fleet.tell({ [A]: [X] }, { reset: true });
  await fleet.place(A);
  fleet.conntrack.stand({ client: at('10.9.0.1:1'), vip: at(A) }, at(X), 'established');
  await pass(fleet.time, fleet.system, 400);
  const [status] = [...fleet.directory.entries.get(at(A))!.balancer!.statuses(400)];
  t.deepEqual([fleet.pending(A), status?.successes, status?.failures, status?.ewmaMs], [0, 1, 0, undefined]);
});

for (const what of ['no entry', 'an entry that leads elsewhere'] as const) {
  test(`events were lost and there is ${what}: the connect timeout decides`, async (t) => {
    const fleet = new Fleet();
    await fleet.tell({ [A]: [X] }, { reset: true });
    await fleet.place(A);
    const flow = { client: at('10.9.0.1:1'), vip: at(A) };
    if (what !== 'no entry') fleet.conntrack.stand(flow, at(Y), 'established');
    fleet.directory.entries.get(at(A))!.mailbox.send({ kind: 'resynchronise' });
    await quiet(fleet.system);
    t.is(fleet.pending(A), 1);
    await pass(fleet.time, fleet.system, 400);
    t.is(fleet.pending(A), 0);
  });
}
