import { Engine } from '../engine/engine.js';
import { Host } from '../engine/host.js';
import { Journal } from '../engine/journal.js';
import type { Plan } from '../plan/plan.js';
import { Daemon, type DaemonWorld } from './daemon.js';

/** A host with what runs on it. */
export interface SimHost {
  readonly host: Host;
  /** The daemon that runs or ran last; undefined before the first. */
  daemon: Daemon | undefined;
}

/** What the daemons of a simulation are configured with: the defaults of the production configuration. */
const SETTINGS = {
  plan: { ipset: 'minuteman', firstQueue: 50, queues: 2 },
  keepRulesOnExit: false,
  masquerade: [],
  balancer: { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 },
} as const;

/** Everything of one run: the world that the plan describes, and the daemons in it. */
export class Fleet {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly journal: Journal;
  readonly hosts: readonly SimHost[];
  private readonly lives = new Map<SimHost, number>();

  constructor(plan: Plan) {
    this.plan = plan;
    this.engine = new Engine(plan.seed);
    this.journal = new Journal(this.engine);
    this.hosts = Array.from({ length: plan.nodes }, (_, index) => ({
      host: new Host(this.engine, index),
      daemon: undefined,
    }));
  }

  /** Starts the daemon of a host, which has none that runs. */
  startDaemon(at: SimHost): void {
    const life = (this.lives.get(at) ?? 0) + 1;
    this.lives.set(at, life);
    at.daemon = new Daemon(this.engine, this.journal, at.host, life, this.worldOf(at), SETTINGS);
  }

  private worldOf(_at: SimHost): DaemonWorld {
    throw new Error('the world of a daemon is not built yet');
  }
}
