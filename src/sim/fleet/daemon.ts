import { type Node, type NodeSettings, startNode } from '../../actors/node.js';
import type { ActorMonitor } from '../../actors/supervision/system.js';
import type { Random } from '../../ports/random.js';
import type { Kernel, MeshAccess, SourceEntry } from '../../ports/world.js';
import type { Engine } from '../engine/engine.js';
import type { Host } from '../engine/host.js';
import type { Journal } from '../engine/journal.js';
import { Process } from '../engine/process.js';

/** What a daemon is given when it starts, each made for its process. */
export interface DaemonWorld {
  kernel(process: Process): Kernel;
  sources(process: Process): readonly SourceEntry[];
  /** Undefined when the daemons form no mesh. */
  mesh(process: Process, life: number): MeshAccess | undefined;
  /** A message was put into a mailbox. */
  sent(): void;
  /** Supervision gave up; the process has ended. */
  gaveUp(): void;
}

/** A message that an actor of a daemon is about to handle (`before`) or has handled. */
export type MessageWatch = (path: string, when: 'before' | 'after', message: unknown) => void;

/** One life of the Minuteman daemon on a simulated host, from its start to its end, whichever it is. */
export class Daemon {
  readonly host: Host;
  readonly process: Process;
  readonly node: Node;
  ready = false;
  stopping = false;
  /** Called at every message; what it throws is the actor's crash there. */
  readonly watches = new Set<MessageWatch>();
  private readonly journal: Journal;
  private readonly draws = new Map<string, { count: number }>();

  constructor(
    engine: Engine,
    journal: Journal,
    host: Host,
    life: number,
    settings: NodeSettings,
    world: DaemonWorld,
  ) {
    this.journal = journal;
    this.host = host;
    this.process = new Process(engine, host.lane, host.clock);
    this.note('started');
    this.node = startNode(
      {
        clock: host.clock,
        timers: this.process,
        random: (purpose) => this.counted(purpose, engine.random(`${host.name}#${life}/${purpose}`)),
        log: {
          event: (level, event, message, fields) =>
            journal.write({ kind: 'log', host: host.name, level, event, message, fields }),
        },
        kernel: world.kernel(this.process),
        sources: world.sources(this.process),
        mesh: world.mesh(this.process, life),
      },
      settings,
      {
        onReady: () => {
          this.ready = true;
          this.note('ready');
        },
        onExit: () => {
          this.note('gave-up');
          this.process.end();
          world.gaveUp();
        },
      },
      this.monitor(world),
    );
    this.process.actors = this.node.system;
    engine.touch(this.node.system);
  }

  /** How many random numbers it drew for a purpose so far. */
  drawn(purpose: string): number {
    return this.draws.get(purpose)?.count ?? 0;
  }

  get ended(): boolean {
    return this.process.ended;
  }

  /** SIGKILL: nothing in it runs again. */
  kill(): void {
    if (this.ended) return;
    this.node.system.abandon();
    this.process.end();
    this.note('killed');
  }

  /** SIGTERM: it withdraws what it put into the kernel, and ends. */
  stop(): void {
    if (this.ended || this.stopping) return;
    this.stopping = true;
    this.process.enter(() => {
      this.node.stop(() => {
        this.note('stopped');
        this.process.end();
      });
    });
  }

  pause(): void {
    this.process.pause();
    this.note('paused');
  }

  resume(): void {
    this.process.resume();
    this.note('resumed');
  }

  private note(state: 'started' | 'ready' | 'stopped' | 'killed' | 'gave-up' | 'paused' | 'resumed'): void {
    this.journal.write({ kind: 'daemon', host: this.host.name, state });
  }

  private counted(purpose: string, random: Random): Random {
    const drawn = { count: 0 };
    this.draws.set(purpose, drawn);
    return {
      next: () => {
        drawn.count += 1;
        return random.next();
      },
    };
  }

  private monitor(world: DaemonWorld): ActorMonitor {
    const { watches } = this;
    return {
      sent: () => world.sent(),
      beforeMessage: (path, message) => {
        if (watches.size > 0) for (const watch of watches) watch(path, 'before', message);
      },
      afterMessage: (path, message) => {
        if (watches.size > 0) for (const watch of watches) watch(path, 'after', message);
      },
    };
  }
}
