import { type ActorOptions, type ActorSpec, actor, type Self } from '../../src/actors/supervision/actor.js';
import type { SupervisorSpec } from '../../src/actors/supervision/supervisor.js';
import {
  type ActorMonitor,
  type ExitReason,
  type System,
  startSystem,
} from '../../src/actors/supervision/system.js';
import { ManualTime } from './manual-time.js';
import { quiet } from './quiet.js';
import { RecordingLog } from './recording-log.js';

/** What a scripted actor understands. It writes down everything that happens to it. */
export type Order =
  | { readonly do: 'note'; readonly what: string }
  | { readonly do: 'crash'; readonly why: string }
  | { readonly do: 'call'; readonly act: (self: Self<Order>) => void };

export const note = (what: string): Order => ({ do: 'note', what });
export const crash = (why = 'boom'): Order => ({ do: 'crash', why });
export const call = (act: (self: Self<Order>) => void): Order => ({ do: 'call', act });

export interface Script {
  /** Runs within `init`, with the number of the incarnation, from 1. */
  readonly init?: (incarnation: number, self: Self<Order>) => unknown;
  readonly terminate?: (incarnation: number) => void;
}

/** A world for the actors of a test: held time, a recorded log, and one journal that all actors write. */
export class ActorWorld {
  readonly time = new ManualTime();
  readonly log = new RecordingLog();
  readonly journal: string[] = [];
  readonly exits: ExitReason[] = [];

  /** An actor that writes `name+N` when incarnation N starts, `name-N` when it ends, `name:what` for a note. */
  actor(name: string, script: Script = {}, options?: ActorOptions): ActorSpec<Order> {
    let incarnations = 0;
    return actor<Order, number>(
      name,
      {
        init: (self) => {
          incarnations += 1;
          this.journal.push(`${name}+${incarnations}`);
          script.init?.(incarnations, self);
          return incarnations;
        },
        handle: (incarnation, order, self) => {
          if (order.do === 'crash') throw new Error(order.why);
          if (order.do === 'note') this.journal.push(`${name}:${order.what}`);
          else order.act(self);
          return incarnation;
        },
        terminate: (incarnation) => {
          this.journal.push(`${name}-${incarnation}`);
          script.terminate?.(incarnation);
        },
      },
      options,
    );
  }

  async start(root: SupervisorSpec, monitor?: ActorMonitor): Promise<System> {
    const system = startSystem(root, {
      name: 'test',
      clock: this.time,
      timers: this.time,
      log: this.log,
      onExit: (reason) => this.exits.push(reason),
      ...(monitor === undefined ? {} : { monitor }),
    });
    await quiet(system);
    return system;
  }

  /** What was written since the last call. */
  news(): string {
    return this.journal.splice(0).join(' ');
  }
}
