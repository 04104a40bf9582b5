import type { ClusterState } from '../../actors/cluster/cluster-state.js';
import { type Endpoint, parseEndpoint } from '../../core/endpoint.js';
import type { Mesh } from '../../ports/mesh.js';
import type { Happening, HostName } from '../engine/journal.js';
import { meshEndpoint } from '../mesh/sim-mesh.js';
import type { Fault } from '../plan/plan.js';
import type { Eyes, HostEyes } from './eyes.js';

/** Between two looks at what takes long anyhow. */
const SAMPLE_MS = 500;
/** Of a large fleet some are looked at each time, in turn. */
const OBSERVERS_MOST = 24;

/** Who is expelled is not thought of for 30 s, and then has to be found. */
const OUTCAST_MS = 48_000;

/** Faults that the mesh feels when they begin and when they end; in between it is as it is. */
const SUDDEN: ReadonlySet<Fault['kind']> = new Set([
  'panic',
  'host-killed',
  'host-paused',
  'daemon-killed',
  'daemon-stopped',
  'daemon-paused',
  'partition',
  'cut',
  'half-open',
]);
/** Those of them of which nobody is told. */
const SILENT: ReadonlySet<Fault['kind']> = new Set([
  'panic',
  'host-paused',
  'daemon-paused',
  'partition',
  'half-open',
]);
/** Faults that it feels as long as they last. */
const LASTING: ReadonlySet<Fault['kind']> = new Set([
  'loss',
  'delay',
  'bandwidth',
  'connect-blackhole',
  'slow-cpu',
]);

/** A daemon that runs, as a member of the mesh. */
export interface Member {
  readonly name: HostName;
  readonly at: Endpoint;
  readonly host: HostEyes;
  readonly cluster: ClusterState;
  readonly mesh: Mesh;
}

/** For how long something has held without a break. */
export class Lasting {
  private readonly since = new Map<string | number, number>();

  /** Milliseconds; 0 when it does not hold, or only since now. */
  note(key: string | number, holds: boolean, nowMs: number): number {
    if (!holds) {
      this.since.delete(key);
      return 0;
    }
    const sinceMs = this.since.get(key);
    if (sinceMs === undefined) this.since.set(key, nowMs);
    return nowMs - (sinceMs ?? nowMs);
  }
}

/**
 * What invariants of the mesh look at: who runs, who has links with whom in truth, and for how long nothing happened that the
 * mesh would feel. Also calls them back twice a second.
 */
export class MeshEyes {
  readonly eyes: Eyes;
  /** Who lied at some time of the run. */
  readonly liars = new Set<HostName>();
  /** For how long it had been calm when that was over. */
  calmBeforeMs = 0;
  private readonly names = new Map<Endpoint, HostName>();
  private readonly samplers: (() => void)[] = [];
  private readonly expelledMs = new Map<HostName, number>();
  private edgeMs = 0;
  private silentMs = 0;
  private lasting = 0;
  private lies = 0;
  private partitions = 0;
  private lastLieMs = Number.NEGATIVE_INFINITY;
  private turn = 0;
  private running: readonly Member[] | undefined;
  private components: ReadonlyMap<Endpoint, number> | undefined;

  constructor(eyes: Eyes) {
    this.eyes = eyes;
    const { fleet } = eyes;
    for (const { host } of fleet.machines) this.names.set(meshEndpoint(host), host.name);
    fleet.journal.follow((happening, atMs) => this.happened(happening, atMs));
    fleet.engine.watch(() => {
      this.running = undefined;
      this.components = undefined;
    });
    const sample = (): void => {
      eyes.at(eyes.nowMs + SAMPLE_MS, sample);
      this.running = undefined;
      this.components = undefined;
      this.turn += 1;
      for (const look of this.samplers) look();
    };
    eyes.at(SAMPLE_MS, sample);
  }

  get nowMs(): number {
    return this.eyes.nowMs;
  }

  /** Twice a second, when all actors are quiet. */
  onSample(look: () => void): void {
    this.samplers.push(look);
  }

  /** For how long nothing came, went, broke or disturbed; lies do not count. */
  get calmMs(): number {
    return this.lasting > 0 ? 0 : this.nowMs - this.edgeMs;
  }

  /** For how long nothing broke in silence: until somebody finds out, such links look whole. */
  get soundMs(): number {
    return this.lasting > 0 ? 0 : this.nowMs - this.silentMs;
  }

  /** As `calmMs`, and nobody lied either. */
  get honestMs(): number {
    return Math.min(this.calmMs, this.nowMs - this.lieMs);
  }

  /** Whether parts of the network cannot reach each other. */
  get divided(): boolean {
    return this.partitions > 0;
  }

  /** When somebody last lied; now, if somebody does. */
  get lieMs(): number {
    return this.lies > 0 ? this.nowMs : this.lastLieMs;
  }

  /** Whether some members want nothing to do with that one for now, because of what it did. */
  isOutcast(name: HostName): boolean {
    return this.nowMs - (this.expelledMs.get(name) ?? Number.NEGATIVE_INFINITY) < OUTCAST_MS;
  }

  endpointOf(name: HostName): Endpoint {
    return meshEndpoint(this.eyes.host(name).at.host);
  }

  nameAt(at: Endpoint): HostName | undefined {
    return this.names.get(at);
  }

  /** All whose daemons run and are not about to end, in the order of their numbers. */
  members(): readonly Member[] {
    if (this.running !== undefined) return this.running;
    const { fleet } = this.eyes;
    const members: Member[] = [];
    for (const host of this.eyes.hosts.values()) {
      const { daemon } = host;
      const cluster = daemon?.node.cluster;
      const mesh = fleet.meshOfHost(host.name);
      if (host.state !== 'running' || daemon === undefined || daemon.ended || daemon.stopping) continue;
      if (cluster === undefined || mesh === undefined) continue;
      members.push({ name: host.name, at: cluster.self, host, cluster, mesh });
    }
    this.running = members;
    return members;
  }

  /** Those whose turn it is to be looked at closely. */
  observers(): readonly Member[] {
    const members = this.members();
    if (members.length <= OBSERVERS_MOST) return members;
    const from = (this.turn * OBSERVERS_MOST) % members.length;
    return [...members, ...members].slice(from, from + OBSERVERS_MOST);
  }

  /** One of the members, another each time. */
  next(): Member | undefined {
    const members = this.members();
    return members[this.turn % Math.max(1, members.length)];
  }

  /** Which piece of the overlay each member is in, by the links that both ends call theirs. */
  pieces(): ReadonlyMap<Endpoint, number> {
    if (this.components !== undefined) return this.components;
    const members = new Map(this.members().map((member) => [member.at, member]));
    const pieces = new Map<Endpoint, number>();
    let piece = 0;
    for (const start of members.values()) {
      if (pieces.has(start.at)) continue;
      piece += 1;
      const front = [start];
      pieces.set(start.at, piece);
      for (let one = front.pop(); one !== undefined; one = front.pop()) {
        for (const at of one.cluster.view.active.keys()) {
          const other = members.get(at);
          if (other === undefined || pieces.has(at) || !other.cluster.view.active.has(one.at)) continue;
          pieces.set(at, piece);
          front.push(other);
        }
      }
    }
    this.components = pieces;
    return pieces;
  }

  private happened(news: Happening, atMs: number): void {
    switch (news.kind) {
      case 'daemon':
        this.edgeMs = atMs;
        break;
      case 'log':
        if (news.event === 'peer-expelled') {
          const who = this.nameAt(parseEndpoint(String(news.fields?.['endpoint']))!);
          if (who !== undefined) this.expelledMs.set(who, atMs);
        }
        if (news.event === 'actor-restarted' || news.event === 'supervisor-escalated') this.edgeMs = atMs;
        break;
      case 'fault': {
        const { fault } = this.eyes.fleet.plan.faults[news.index]!;
        const change = news.phase === 'begins' ? 1 : -1;
        if (fault.kind === 'mesh-liar') {
          this.lies += change;
          this.lastLieMs = atMs;
          this.liars.add(fault.host);
        }
        if (fault.kind === 'partition') this.partitions += change;
        if (LASTING.has(fault.kind)) this.lasting += change;
        if (LASTING.has(fault.kind) || SUDDEN.has(fault.kind)) {
          this.calmBeforeMs = this.lasting > 0 ? 0 : atMs - this.edgeMs;
          this.edgeMs = atMs;
        }
        if (LASTING.has(fault.kind) || SILENT.has(fault.kind)) this.silentMs = atMs;
      }
    }
  }
}

const known = new WeakMap<Eyes, MeshEyes>();

/** The eyes on a mesh: one pair for all invariants of a run; undefined when the daemons form none. */
export function meshEyesOn(eyes: Eyes): MeshEyes | undefined {
  if (!eyes.fleet.plan.mesh) return undefined;
  let mesh = known.get(eyes);
  if (mesh === undefined) {
    mesh = new MeshEyes(eyes);
    known.set(eyes, mesh);
  }
  return mesh;
}
