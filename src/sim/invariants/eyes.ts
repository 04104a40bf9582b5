import { addressOf, type Endpoint } from '../../core/endpoint.js';
import { EventQueue } from '../../core/event-queue.js';
import type { Happening, HappeningKind, HostName } from '../engine/journal.js';
import type { Daemon } from '../fleet/daemon.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Machine } from '../fleet/machine.js';
import { type Connection, Connections } from './connections.js';
import { DAEMON_TROUBLE, Disturbances, type Trouble } from './disturbances.js';
import { KernelEyes } from './kernel-eyes.js';
import { LearnedVips } from './learned-vips.js';

/** What an actor does, by its path. */
export type Role =
  | 'balancer'
  | 'nfqueue'
  | 'vip-table'
  | 'poller'
  | 'balancer-manager'
  | 'connection-observer'
  | 'ipset-manager'
  | 'firewall-manager'
  | MeshRole
  | 'other';

/** Actors of the mesh. */
export type MeshRole = 'membership' | 'pinger' | 'gossip' | 'links' | 'reachability';

export type MessageMoment = 'before' | 'after';

const HEARD: readonly HappeningKind[] = [
  'daemon',
  'log',
  'connecting',
  'syn',
  'mapped',
  'connected',
  'asked',
  'answered',
  'closed',
];

type Listener = (handling: Handling) => void;
type Audience = Readonly<Record<MessageMoment, readonly Listener[]>>;

const NOBODY: Audience = { before: [], after: [] };

/** A message that an actor of a daemon is about to handle, or has handled. Not to be kept: the next one is told in its place. */
export interface Handling {
  readonly host: HostEyes;
  readonly path: string;
  readonly message: unknown;
}

/** One host with its daemon, as somebody sees it who stands beside it. */
export class HostEyes {
  readonly at: Machine;
  readonly name: HostName;
  readonly kernel: KernelEyes;
  /** What the sources told the daemon that runs. */
  learned = new LearnedVips();
  state: 'none' | 'running' | 'paused' | 'ended' = 'none';
  startedMs = 0;
  /** Since when the daemon serves; undefined while it does not. */
  readyMs: number | undefined;
  /** When its life last took a turn: start, pause, end, the crash of an actor. */
  turnedMs = 0;
  lastCrashMs = Number.NEGATIVE_INFINITY;

  constructor(at: Machine, sources: number) {
    this.at = at;
    this.sources = sources;
    this.name = at.name;
    this.kernel = new KernelEyes(at.kernel);
  }

  /** How many sources its daemon has; the mesh is one. */
  readonly sources: number;

  get daemon(): Daemon | undefined {
    return this.at.daemon;
  }
}

/**
 * What several invariants want to know of a run, gathered once: the states of the daemons, the clients'
 * connections, what the sources told, when the plan disturbs whom. It also calls invariants back after the
 * event, or at an instant, so that none of them has to look after every event.
 */
export class Eyes {
  readonly fleet: Fleet;
  readonly disturbances: Disturbances;
  readonly connections = new Connections();
  readonly hosts: ReadonlyMap<HostName, HostEyes>;
  /** Checks that are due at an instant; those of one instant in the order of entry. */
  private readonly agenda = new EventQueue();
  private afterEvent: (() => void)[] = [];
  /** By the hosts' numbers. */
  private readonly byIndex: readonly HostEyes[];
  private readonly listeners: {
    readonly role: Role | 'all';
    readonly when: MessageMoment;
    hear: Listener;
  }[] = [];
  /** Who hears of the messages of an actor, by its path. */
  private readonly audiences = new Map<string, Audience>();
  /** Of the last message: what was told before it is told to the same after it. */
  private lastPath = '';
  private lastAudience: Audience = NOBODY;
  /** One for all messages. */
  private readonly handling: { host: HostEyes; path: string; message: unknown };

  constructor(fleet: Fleet) {
    this.fleet = fleet;
    this.disturbances = new Disturbances(fleet.plan, fleet.master);
    this.byIndex = fleet.machines.map((at) => new HostEyes(at, fleet.plan.mesh ? 2 : 1));
    this.hosts = new Map(this.byIndex.map((host) => [host.name, host]));
    this.handling = { host: this.byIndex[0]!, path: '', message: undefined };
    fleet.journal.follow((happening, atMs) => this.happened(happening, atMs), HEARD);
    fleet.engine.watch(() => this.settled());
    fleet.watchMessages((at, path, when, message) => {
      const audience = this.audienceOf(path)[when];
      if (audience.length === 0) return;
      const { handling } = this;
      handling.host = this.byIndex[at.host.index]!;
      handling.path = path;
      handling.message = message;
      for (const hear of audience) hear(handling);
    });
    this.onMessage('vip-table', 'before', ({ host, message }) => host.learned.hear(message, this.nowMs));
  }

  get nowMs(): number {
    return this.fleet.engine.nowMs;
  }

  host(name: HostName): HostEyes {
    return this.hosts.get(name)!;
  }

  /** Calls `check` when the event is through and all actors are quiet. */
  soon(check: () => void): void {
    this.afterEvent.push(check);
  }

  /** Calls `check` after the first event at or after an instant. */
  at(atMs: number, check: () => void): void {
    this.agenda.push(atMs, 0, check);
  }

  onMessage(role: Role | 'all', when: MessageMoment, hear: Listener): void {
    this.listeners.push({ role, when, hear });
    this.audiences.clear();
    this.lastPath = '';
    this.lastAudience = NOBODY;
  }

  /** Whether the host's daemon ran all the time since `sinceMs`, at full speed, and no actor of it crashed. */
  ranWell(host: HostEyes, sinceMs: number): boolean {
    return (
      host.state === 'running' &&
      host.turnedMs < sinceMs &&
      !this.disturbances.between(sinceMs, this.nowMs, DAEMON_TROUBLE, host.name)
    );
  }

  /** Whether the host's daemon served all the time since `sinceMs`, and nothing of `troubles` was on there. */
  servedWell(host: HostEyes, sinceMs: number, troubles: readonly Trouble[] = []): boolean {
    return (
      host.readyMs !== undefined &&
      host.readyMs <= sinceMs &&
      this.ranWell(host, sinceMs) &&
      !this.disturbances.between(sinceMs, this.nowMs, troubles, host.name)
    );
  }

  /** The host that has the address of an endpoint. */
  hostAt(at: Endpoint): HostName | undefined {
    return this.fleet.network.hostAt(addressOf(at))?.name;
  }

  /** The connection that a client's flow belongs to, if it is open. */
  connectionOf(client: number, vip: number): Connection | undefined {
    return this.connections.find(client as Endpoint, vip as Endpoint);
  }

  private happened(happening: Happening, atMs: number): void {
    switch (happening.kind) {
      case 'daemon': {
        const host = this.host(happening.host);
        host.turnedMs = atMs;
        switch (happening.state) {
          case 'started':
            host.state = 'running';
            host.startedMs = atMs;
            host.readyMs = undefined;
            host.learned = new LearnedVips();
            break;
          case 'ready':
            host.readyMs = atMs;
            break;
          case 'paused':
            host.state = 'paused';
            break;
          case 'resumed':
            if (host.state === 'paused') host.state = 'running';
            break;
          default:
            host.state = 'ended';
            host.readyMs = undefined;
        }
        break;
      }
      case 'log':
        if (happening.event !== 'actor-restarted' && happening.event !== 'supervisor-escalated') break;
        this.host(happening.host).turnedMs = atMs;
        this.host(happening.host).lastCrashMs = atMs;
        break;
      case 'connecting':
      case 'syn':
      case 'mapped':
      case 'connected':
      case 'asked':
      case 'answered':
      case 'closed':
        this.connections.hear(happening, atMs);
        break;
    }
  }

  private settled(): void {
    if (this.afterEvent.length > 0) {
      const checks = this.afterEvent;
      this.afterEvent = [];
      for (const check of checks) check();
    }
    for (let due = this.agenda.take(this.nowMs); due !== undefined; due = this.agenda.take(this.nowMs))
      due.run();
  }

  private audienceOf(path: string): Audience {
    if (path === this.lastPath) return this.lastAudience;
    const audience = this.audiences.get(path) ?? this.newAudience(path);
    this.lastPath = path;
    this.lastAudience = audience;
    return audience;
  }

  private newAudience(path: string): Audience {
    const own = roleFrom(path);
    const concerned = (moment: MessageMoment): readonly Listener[] =>
      (['all', own] as const).flatMap((part) =>
        this.listeners.filter(({ role, when }) => role === part && when === moment).map(({ hear }) => hear),
      );
    const audience = { before: concerned('before'), after: concerned('after') };
    this.audiences.set(path, audience);
    return audience;
  }
}

function roleFrom(path: string): Role {
  if (path.includes('/balancers/')) return 'balancer';
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name.startsWith('nfqueue-')) return 'nfqueue';
  if (name.startsWith('poller-')) return 'poller';
  switch (name) {
    case 'vip-table':
    case 'balancer-manager':
    case 'connection-observer':
    case 'ipset-manager':
    case 'firewall-manager':
    case 'membership':
    case 'pinger':
    case 'gossip':
    case 'links':
    case 'reachability':
      return name;
    default:
      return 'other';
  }
}

const known = new WeakMap<Fleet, Eyes>();

/** The eyes on a fleet: one pair for all invariants of a run. */
export function eyesOn(fleet: Fleet): Eyes {
  let eyes = known.get(fleet);
  if (eyes === undefined) {
    eyes = new Eyes(fleet);
    known.set(fleet, eyes);
  }
  return eyes;
}
