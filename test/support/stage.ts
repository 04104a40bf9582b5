import { actor, type Behavior, type Mailbox } from '../../src/actors/supervision/actor.js';
import { supervisor } from '../../src/actors/supervision/supervisor.js';
import { type System, startSystem } from '../../src/actors/supervision/system.js';
import { ManualTime } from './manual-time.js';
import { pass } from './passing-time.js';
import { quiet } from './quiet.js';
import { RecordingLog } from './recording-log.js';

/** An address at which messages pile up for a test to read. */
export class Inbox<M> implements Mailbox<M> {
  readonly path = 'inbox';
  messages: M[] = [];

  send(message: M): void {
    this.messages.push(message);
  }

  /** What came since the last call. */
  take(): M[] {
    return this.messages.splice(0);
  }
}

/** One actor under a supervisor of its own, in held time. */
export class Stage<M> {
  readonly time = new ManualTime();
  readonly log = new RecordingLog();
  #mailbox: Mailbox<M> | undefined;
  #system: System | undefined;
  #crashing = false;

  async play<S>(behavior: Behavior<M, S>): Promise<void> {
    const spec = actor('player', behavior);
    this.#mailbox = spec.mailbox;
    this.#system = startSystem(
      supervisor('stage', { strategy: 'one-for-one', intensity: { restarts: 1_000, withinMs: 1 } }, [spec]),
      {
        name: 'stage',
        clock: this.time,
        timers: this.time,
        log: this.log,
        monitor: {
          beforeMessage: () => {
            if (!this.#crashing) return;
            this.#crashing = false;
            throw new Error('crash on stage');
          },
        },
        onExit: ({ error }) => {
          throw error;
        },
      },
    );
    await quiet(this.#system);
  }

  /** Sends the messages and waits until they are handled. */
  async send(...messages: readonly M[]): Promise<void> {
    for (const message of messages) this.#mailbox!.send(message);
    await quiet(this.#system!);
  }

  /** The actor crashes at the message, before any effect. */
  async crashAt(message: M): Promise<void> {
    this.#crashing = true;
    await this.send(message);
  }

  /** The actor crashes at whatever it handles next. */
  crashNext(): void {
    this.#crashing = true;
  }

  async pass(ms: number): Promise<void> {
    await pass(this.time, this.#system!, ms);
  }
}
