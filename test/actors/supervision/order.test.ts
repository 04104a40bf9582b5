import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { type ActorSpec, actor } from '../../../src/actors/supervision/actor.js';
import { pool } from '../../../src/actors/supervision/pool.js';
import { type Strategy, supervisor } from '../../../src/actors/supervision/supervisor.js';
import { startSystem } from '../../../src/actors/supervision/system.js';
import { ManualTime } from '../../support/manual-time.js';
import { quiet } from '../../support/quiet.js';
import { RecordingLog } from '../../support/recording-log.js';

const ACTORS = 4;

interface Numbered {
  readonly number: number;
  /** The receiver throws, before or after it wrote the number down. */
  readonly crash: 'no' | 'before' | 'after';
  /** The receiver passes the message on to this actor. */
  readonly relay: number | undefined;
}

/** What a life of an actor saw: the lives do not overlap, and each is ended once or still goes on. */
interface Life {
  ended: number;
  handling: boolean;
}

const crashes = fc.constantFrom(
  'no' as const,
  'no' as const,
  'no' as const,
  'before' as const,
  'after' as const,
);
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ to: fc.nat(ACTORS - 1), crash: crashes, relay: fc.option(fc.nat(ACTORS - 1)) }),
  },
  { weight: 2, arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 4 }) }) },
);

const program = fc.record({
  strategy: fc.constantFrom<Strategy>('one-for-one', 'one-for-all', 'rest-for-one'),
  place: fc.constantFrom('flat' as const, 'nested' as const, 'pool' as const),
  /** Every so many-th `init` of an actor crashes; 0: none. */
  initCrashes: fc.constantFrom(0, 0, 2, 3),
  actions: fc.array(action, { maxLength: 120 }),
});

test('whatever crashes when: what was sent arrives once, in order, except the messages that crashed', async (t) => {
  await fc.assert(
    fc.asyncProperty(program, async ({ strategy, place, initCrashes, actions }) => {
      const seen: number[][] = Array.from({ length: ACTORS }, () => []);
      const expected: number[][] = Array.from({ length: ACTORS }, () => []);
      const lives: Life[][] = Array.from({ length: ACTORS }, () => []);
      const actors: ActorSpec<Numbered>[] = [];
      const send = (to: number, message: Numbered): void => {
        if (message.crash !== 'before') expected[to]!.push(message.number);
        actors[to]!.mailbox.send(message);
      };
      const faults: string[] = [];
      for (let index = 0; index < ACTORS; index += 1) {
        let inits = 0;
        actors.push(
          actor<Numbered, Life>(`actor${index}`, {
            init: () => {
              inits += 1;
              if (lives[index]!.some(({ ended }) => ended !== 1)) faults.push(`${index}: two lives at once`);
              if (initCrashes > 0 && inits % initCrashes === 0) throw new Error('init');
              const life = { ended: 0, handling: false };
              lives[index]!.push(life);
              return life;
            },
            handle: (life, { number, crash, relay }) => {
              if (life.ended > 0 || life.handling) faults.push(`${index}: handled out of turn`);
              if (crash === 'before') throw new Error('before');
              life.handling = true;
              seen[index]!.push(number);
              if (relay !== undefined) send(relay, { number: -number - 1, crash: 'no', relay: undefined });
              life.handling = false;
              if (crash === 'after') throw new Error('after');
              return life;
            },
            terminate: (life) => {
              life.ended += 1;
            },
          }),
        );
      }
      const options = { strategy, intensity: { restarts: 1000, withinMs: 1 } };
      const some = pool('pool', options);
      if (place === 'pool') some.start(actors);
      const children = {
        flat: actors,
        nested: [actors[0]!, supervisor('inner', options, actors.slice(1))],
        pool: [some],
      }[place];
      const time = new ManualTime();
      const system = startSystem(supervisor('root', options, children), {
        name: 'order',
        clock: time,
        timers: time,
        log: new RecordingLog(),
        onExit: ({ error }) => faults.push(`exit: ${error.message}`),
      });
      let number = 0;
      for (const step of actions) {
        if ('turns' in step) {
          for (let turn = 0; turn < step.turns; turn += 1) await setImmediate();
        } else {
          number += 1;
          send(step.to, { number, crash: step.crash, relay: step.relay ?? undefined });
        }
      }
      await quiet(system);
      t.deepEqual(seen, expected);
      t.deepEqual(system.dropped, { overflow: 0, ended: 0 });
      await new Promise<void>((resolve) => system.stop(resolve));
      t.is(system.inFlight(), 0);
      t.deepEqual(faults, []);
      t.true(lives.flat().every(({ ended }) => ended === 1));
    }),
    { numRuns: 300 },
  );
});

test('whatever is dropped when: what was sent and not handled is in flight, and nothing is once all has ended', async (t) => {
  const send = fc.record({ to: fc.nat(1), crash: fc.boolean() });
  const actions = fc.array(fc.oneof(send, fc.constant('turn' as const), fc.constant('stop' as const)), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(actions, fc.integer({ min: 1, max: 5 }), async (steps, mailboxLimit) => {
      let handled = 0;
      let sent = 0;
      const actors = ['a', 'b'].map((name) =>
        actor<boolean, null>(
          name,
          {
            init: () => null,
            handle: (_, crash) => {
              handled += 1;
              if (crash) throw new Error('crash');
              return null;
            },
          },
          { mailboxLimit },
        ),
      );
      const time = new ManualTime();
      let counted = 0;
      const intensity = { restarts: 2, withinMs: 1000 };
      const system = startSystem(supervisor('root', { strategy: 'one-for-all', intensity }, actors), {
        name: 'counts',
        clock: time,
        timers: time,
        log: new RecordingLog(),
        monitor: {
          sent: () => {
            counted += 1;
          },
        },
        onExit: () => t.is(system.inFlight(), 0),
      });
      await quiet(system);
      for (const step of steps) {
        if (step === 'turn') await quiet(system);
        else if (step === 'stop') system.stop(() => t.is(system.inFlight(), 0));
        else {
          actors[step.to]!.mailbox.send(step.crash);
          sent += 1;
        }
      }
      await quiet(system);
      const { overflow, ended } = system.dropped;
      t.is(handled + overflow + ended, sent);
      t.true(counted >= handled && counted <= sent - overflow);
      await new Promise<void>((resolve) => system.stop(resolve));
      t.is(system.inFlight(), 0);
    }),
    { numRuns: 300 },
  );
});
