import type { NodeSettings } from '../../actors/node.js';
import type { MeshAccess, SourceEntry } from '../../ports/world.js';
import type { Engine } from '../engine/engine.js';
import { Host } from '../engine/host.js';
import type { Journal } from '../engine/journal.js';
import type { Process } from '../engine/process.js';
import { HostKernel } from '../kernel/host-kernel.js';
import type { Network } from '../network/network.js';
import type { Packet } from '../network/packet.js';
import { Daemon } from './daemon.js';

/** systemd starts a daemon that gave up again after this long. */
const RESTART_AFTER_MS = 1_000;

/** What a machine needs of those around it. */
export interface Surroundings {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly network: Network;
  readonly settings: NodeSettings;
  sources(machine: Machine, process: Process): readonly SourceEntry[];
  mesh(machine: Machine, process: Process, life: number): MeshAccess | undefined;
  /** A message that an actor of the machine's daemon is about to handle, or has handled. */
  handling(machine: Machine, path: string, when: 'before' | 'after', message: unknown): void;
  /** The machine came up again after it had ended. */
  booted(machine: Machine): void;
  /** The machine ended, with all programs on it. */
  ended(machine: Machine): void;
}

/** A machine with its kernel and its daemon. Whatever ends it may happen several times over, and overlap. */
export class Machine {
  readonly host: Host;
  readonly kernel: HostKernel;
  /** The daemon that runs, or ran last. */
  daemon: Daemon | undefined;
  /** Messages between the actors of all daemons so far. */
  messages = 0;
  private readonly world: Surroundings;
  private lives = 0;
  /** How many faults want the machine down, its daemon down, the daemon or all of it paused. */
  private readonly holds = { machine: 0, daemon: 0, daemonPause: 0, pause: 0 };
  private readonly slowness: number[] = [];

  constructor(index: number, world: Surroundings) {
    const { engine, journal, network } = world;
    this.world = world;
    this.host = new Host(engine, index);
    this.kernel = new HostKernel({
      engine,
      host: this.host,
      journal,
      transmit: (packet) => network.send(this.host, packet),
    });
    network.attach(this.host, (packet: Packet) => this.kernel.receive(packet));
  }

  get name(): string {
    return this.host.name;
  }

  get up(): boolean {
    return this.holds.machine === 0;
  }

  /** Whether its daemon runs and is not held up by anything. */
  get serving(): boolean {
    const { holds, daemon } = this;
    return this.up && holds.pause === 0 && holds.daemonPause === 0 && daemon?.ready === true && !daemon.ended;
  }

  /** Switches the machine on for the first time. */
  boot(): void {
    this.startDaemon();
  }

  /** The machine ends: silently, or its kernel resets what stood. Answers what switches it on again. */
  end(how: 'silent' | 'reset', wiped: boolean): () => void {
    this.holds.machine += 1;
    if (this.holds.machine === 1) {
      // Killed one by one its programs' streams are ended by a kernel that still speaks.
      if (how === 'reset') this.daemon?.kill();
      this.kernel.shutDown(how);
      this.world.network.setUp(this.host, false);
      this.daemon?.kill();
      this.world.ended(this);
    }
    return () => {
      if (wiped) this.host.disk.clear();
      this.holds.machine -= 1;
      if (!this.up) return;
      this.kernel.boot();
      if (this.holds.pause > 0) this.kernel.pause();
      this.world.network.setUp(this.host, true);
      this.world.booted(this);
      this.startDaemon();
    };
  }

  /** The daemon ends, at once or in order, and is kept from running until the answer is called. */
  endDaemon(how: 'killed' | 'stopped'): () => void {
    this.holds.daemon += 1;
    if (how === 'killed') this.daemon?.kill();
    else this.daemon?.stop();
    return () => {
      this.holds.daemon -= 1;
      // One that was told to stop and has not yet (it stood still) ends now.
      if (this.holds.daemon === 0) this.daemon?.kill();
      this.startDaemon();
    };
  }

  pauseDaemon(): () => void {
    this.holds.daemonPause += 1;
    this.applyPauses();
    return () => {
      this.holds.daemonPause -= 1;
      this.applyPauses();
    };
  }

  /** Nothing on the machine runs, its kernel neither. */
  pause(): () => void {
    this.holds.pause += 1;
    this.kernel.pause();
    this.applyPauses();
    return () => {
      this.holds.pause -= 1;
      this.applyPauses();
      if (this.holds.pause > 0) return;
      this.kernel.resume();
    };
  }

  slow(factor: number): () => void {
    this.slowness.push(factor);
    this.applySlowness();
    return () => {
      this.slowness.splice(this.slowness.indexOf(factor), 1);
      this.applySlowness();
    };
  }

  private startDaemon(): void {
    const { daemon, holds, world } = this;
    if (!this.up || holds.daemon > 0 || (daemon !== undefined && !daemon.ended)) return;
    this.lives += 1;
    const { engine, journal, settings } = world;
    this.daemon = new Daemon(engine, journal, this.host, this.lives, settings, {
      kernel: (process) => this.kernel.ports(process),
      sources: (process) => world.sources(this, process),
      mesh: (process, life) => world.mesh(this, process, life),
      sent: () => {
        this.messages += 1;
      },
      gaveUp: () => this.host.lane.after(RESTART_AFTER_MS, () => this.startDaemon()),
    });
    // First among the watches: it sees what another one lets crash.
    this.daemon.watches.add((path, when, message) => world.handling(this, path, when, message));
    this.applySlowness();
    this.applyPauses();
  }

  private applyPauses(): void {
    const { daemon, holds } = this;
    if (daemon === undefined || daemon.ended) return;
    const paused = holds.pause + holds.daemonPause > 0;
    if (paused && !daemon.process.paused) daemon.pause();
    if (!paused && daemon.process.paused) daemon.resume();
  }

  private applySlowness(): void {
    this.daemon?.process.slow(Math.max(1, ...this.slowness));
  }
}
