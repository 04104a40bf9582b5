import test from 'ava';
import { Lifetime, type Signals } from '../../src/cli/lifetime.js';

/** A process that can be sent signals, and notes what it was told. */
class FakeProcess implements Signals {
  readonly handlers = new Map<string, (value: unknown) => void>();
  readonly said: string[] = [];
  readonly exited: Promise<void>;
  /** The reader of the log that is behind takes the rest when this is called. */
  taken: (() => void) | undefined;
  #exit = (): void => {};

  constructor() {
    this.exited = new Promise((done) => {
      this.#exit = done;
    });
  }

  on(event: string, handle: (value: unknown) => void): void {
    this.handlers.set(event, handle);
  }

  exit(code: number): void {
    this.said.push(`exit ${code}`);
    this.#exit();
  }

  emit(event: string, value: unknown): void {
    this.handlers.get(event)!(value);
  }

  lifetime(reader: 'up to date' | 'behind' = 'up to date'): Lifetime {
    const log = {
      flush: (done: () => void) => {
        if (reader === 'up to date') done();
        else this.taken = done;
      },
      event: (level: string, event: string, _: string, fields: Readonly<Record<string, unknown>> = {}) =>
        this.said.push(`${level} ${event} ${String(fields.reason)}`),
    };
    return new Lifetime(log, this);
  }
}

test('lifetime: SIGTERM stops in order, then exits with 0', async (t) => {
  const signals = new FakeProcess();
  const lifetime = signals.lifetime();
  lifetime.onStop(async () => {
    signals.said.push('stop');
    t.true(lifetime.ending);
  });
  t.false(lifetime.ending);
  signals.emit('SIGTERM', 'SIGTERM');
  await signals.exited;
  t.deepEqual(signals.said, ['info stopping SIGTERM', 'stop', 'info stopped SIGTERM', 'exit 0']);
});

test('lifetime: a second signal does not wait', async (t) => {
  const signals = new FakeProcess();
  const lifetime = signals.lifetime();
  lifetime.onStop(() => new Promise(() => {}));
  signals.emit('SIGINT', 'SIGINT');
  signals.emit('SIGTERM', 'SIGTERM');
  await signals.exited;
  t.deepEqual(signals.said, ['info stopping SIGINT', 'warn stopped SIGTERM', 'exit 1']);
});

for (const event of ['uncaughtException', 'unhandledRejection']) {
  test(`lifetime: ${event} is logged and ends with 1`, (t) => {
    const signals = new FakeProcess();
    signals.lifetime();
    signals.emit(event, new Error('x'));
    t.deepEqual(signals.said, ['error stopped uncaught', 'exit 1']);
  });
}

test('lifetime: what is thrown need not be an error', (t) => {
  const signals = new FakeProcess();
  signals.lifetime();
  signals.emit('unhandledRejection', undefined);
  t.deepEqual(signals.said, ['error stopped uncaught', 'exit 1']);
});

test('lifetime: the process exits when its last lines were taken; what goes wrong meanwhile changes nothing', (t) => {
  const signals = new FakeProcess();
  signals.lifetime('behind').fail('escalated', new Error('x'));
  t.deepEqual(signals.said, ['error stopped escalated']);
  signals.emit('uncaughtException', new Error('y'));
  signals.emit('SIGTERM', 'SIGTERM');
  signals.taken!();
  t.deepEqual(signals.said, ['error stopped escalated', 'exit 1']);
});
