import { Daemon, type DaemonWorld } from './daemon.js';
import { Engine } from './engine/engine.js';
import { type Happening, Journal } from './engine/journal.js';
import { Host } from './host.js';
import type { Invariant, Violation } from './invariants/invariant.js';
import type { Plan } from './plan.js';

/** A host with what runs on it. */
export interface SimHost {
  readonly host: Host;
  /** The daemon that runs or ran last; undefined before the first. */
  daemon: Daemon | undefined;
}

export interface RunOptions {
  readonly invariants: readonly Invariant[];
  /** Hears of everything that happens. */
  readonly follow?: (happening: Happening, atMs: number) => void;
  /** Called now and then with the virtual time reached. */
  readonly onProgress?: (atMs: number) => void;
  /** Ends the run at the first violation. */
  readonly stopAtViolation?: boolean;
}

export interface RunResult {
  readonly plan: Plan;
  /** Virtual milliseconds. */
  readonly simulatedMs: number;
  readonly events: number;
  /** Messages between actors. */
  readonly messages: number;
  /** 16 hexadecimal digits over everything that happened, in order. */
  readonly hash: string;
  readonly violations: readonly Violation[];
  /** How often rare branches were reached, by name. */
  readonly sometimes: ReadonlyMap<string, number>;
}

/** What the daemons of a simulation are configured with: the defaults of the production configuration. */
const SETTINGS = {
  plan: { ipset: 'minuteman', firstQueue: 50, queues: 2 },
  keepRulesOnExit: false,
  masquerade: [],
  balancer: { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 },
} as const;

/** Everything of one run: the world that the plan describes, and the daemons in it. */
export class Cluster {
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

/** Runs a plan from its beginning to its end. The same plan gives the same result in any process. */
export function runPlan(_plan: Plan, _options: RunOptions): Promise<RunResult> {
  throw new Error('runs are not built yet');
}
