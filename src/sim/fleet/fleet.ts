import type { NodeSettings } from '../../actors/node.js';
import type { Mesh } from '../../ports/mesh.js';
import type { MeshAccess, SourceEntry } from '../../ports/world.js';
import { Engine } from '../engine/engine.js';
import { Host } from '../engine/host.js';
import { type HostName, Journal } from '../engine/journal.js';
import type { Process } from '../engine/process.js';
import { DiskMembers } from '../mesh/disk-members.js';
import { meshEndpoint, SimMesh } from '../mesh/sim-mesh.js';
import { Documents } from '../mesos/documents.js';
import { FakeMaster } from '../mesos/fake-master.js';
import { FileSource } from '../mesos/file-source.js';
import { MasterSource } from '../mesos/master-source.js';
import { Orchestrator } from '../mesos/orchestrator.js';
import { VipFiles } from '../mesos/vip-files.js';
import { Network } from '../network/network.js';
import type { Plan } from '../plan/plan.js';
import { Backends } from '../workload/backends.js';
import { Clients } from '../workload/clients.js';
import { Machine } from './machine.js';

/** What the daemons of a simulation are configured with: the defaults of the production configuration. */
export const SETTINGS = {
  plan: { ipset: 'minuteman', firstQueue: 50, queues: 2 },
  keepRulesOnExit: false,
  masquerade: [],
  balancer: { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 },
} as const;

/** Members that everybody is told to ask first. */
const CONTACTS = 3;
const POLL_INTERVAL_MS = 5_000;
/** Machines are switched on within that time. */
const BOOT_MS = 1_000;

/** Sees each message twice: when an actor is about to handle it, and when it has. Must not change the world. */
export type FleetMessageWatch = (
  machine: Machine,
  path: string,
  when: 'before' | 'after',
  message: unknown,
) => void;

/** Before the end of a run no new clients come, so that those who are there can finish. */
const DRAIN_MS = 5_000;

/** Everything of one run: the world that the plan describes, and the daemons in it. */
export class Fleet {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly journal: Journal;
  readonly network: Network;
  readonly machines: readonly Machine[];
  readonly orchestrator: Orchestrator;
  readonly backends: Backends;
  readonly clients: Clients;
  /** Where VIPs come from: one of the two. */
  readonly files: VipFiles | undefined;
  readonly master: FakeMaster | undefined;
  /** Whoever's daemon is started under another name than its host's. */
  readonly renamed = new Map<HostName, HostName>();
  private readonly meshes = new Map<HostName, Mesh>();
  private liars = 0;
  private readonly documents = new Documents();
  private readonly messageWatches: FleetMessageWatch[] = [];
  private readonly byName: ReadonlyMap<HostName, Machine>;

  /** `settings`: what the daemons are configured with other than usual. */
  constructor(plan: Plan, settings: Partial<NodeSettings> = {}) {
    this.plan = plan;
    const engine = new Engine(plan.seed);
    this.engine = engine;
    this.journal = new Journal(engine);
    this.network = new Network(engine);
    const surroundings = {
      engine,
      journal: this.journal,
      network: this.network,
      settings: { ...SETTINGS, ...settings },
      sources: (machine: Machine, process: Process) => this.sourcesOf(machine, process),
      mesh: (machine: Machine, process: Process, life: number) => this.meshOf(machine, process, life),
      handling: (machine: Machine, path: string, when: 'before' | 'after', message: unknown) => {
        this.handling(machine, path, when, message);
      },
      booted: (machine: Machine) => this.booted(machine),
      ended: (machine: Machine) => this.ended(machine),
    };
    this.machines = Array.from({ length: plan.nodes }, (_, index) => new Machine(index, surroundings));
    this.byName = new Map(this.machines.map((machine) => [machine.name, machine]));
    const sites = this.machines.map(({ name, kernel }) => ({ name, sockets: kernel }));
    this.backends = new Backends(sites);
    const hosts = this.machines.map(({ host }) => host);
    this.orchestrator = new Orchestrator({
      engine,
      journal: this.journal,
      hosts,
      vips: plan.vips,
      backends: plan.backends,
      keepsEmptyVips: plan.source === 'file',
      onTask: (task, phase) => this.backends.onTask(task, phase),
    });
    const { orchestrator, network } = this;
    if (plan.source === 'file') this.files = new VipFiles(engine, orchestrator, hosts);
    else {
      const host = new Host(engine, plan.nodes, 'master');
      network.attach(host, () => {});
      this.master = new FakeMaster({ engine, network, host, hosts, orchestrator });
    }
    this.clients = new Clients({
      engine,
      journal: this.journal,
      sites,
      vips: () => orchestrator.vips,
      isAway: (name) => !this.byName.get(name)!.up,
      connectionsPerSecond: plan.connectionsPerSecond,
      longConnections: plan.longConnections,
      stopAtMs: Math.max(plan.healMs, plan.durationMs - DRAIN_MS),
    });
  }

  /** Lanes of liars must differ, although several may begin at one instant. */
  nextLiar(): number {
    this.liars += 1;
    return this.liars;
  }

  machine(name: HostName): Machine | undefined {
    return this.byName.get(name);
  }

  /** From now on `watch` sees the messages of all daemons. */
  watchMessages(watch: FleetMessageWatch): void {
    this.messageWatches.push(watch);
  }

  /** An actor of a machine's daemon is about to handle a message, or has handled it. */
  handling(machine: Machine, path: string, when: 'before' | 'after', message: unknown): void {
    for (const watch of this.messageWatches) watch(machine, path, when, message);
  }

  /** Messages between actors so far. */
  get messages(): number {
    return this.machines.reduce((sum, { messages }) => sum + messages, 0);
  }

  /** Switches everything on. */
  begin(): void {
    this.orchestrator.begin();
    this.master?.begin();
    this.clients.begin();
    const stream = this.engine.stream('boot');
    for (const machine of this.machines) {
      machine.host.lane.after(stream.between(0, BOOT_MS), () => machine.boot());
    }
  }

  /** Lets go of everything, so that nothing of the run is left in memory. */
  end(): void {
    for (const { daemon } of this.machines) daemon?.kill();
  }

  private sourcesOf(machine: Machine, process: Process): readonly SourceEntry[] {
    const { name, host } = machine;
    const source =
      this.files !== undefined
        ? new FileSource(process, this.files.file(name), `${name}#${this.engine.nowMs}`)
        : new MasterSource({
            network: this.network,
            host,
            process,
            master: this.master!.at,
            documents: this.documents,
          });
    return [{ source, pollIntervalMs: POLL_INTERVAL_MS }];
  }

  private meshOf(machine: Machine, process: Process, life: number): MeshAccess | undefined {
    if (!this.plan.mesh) return undefined;
    const { name, host } = machine;
    const { engine, network } = this;
    const instance = engine.stream(`${name}#${life}/instance`).below(2 ** 48);
    const self = { endpoint: meshEndpoint(host), name: this.renamed.get(name) ?? name, instance };
    const mesh = new SimMesh({ network, host, process, self, key: 'ours' });
    this.meshes.set(name, mesh);
    return {
      mesh,
      self,
      contacts: this.machines.slice(0, CONTACTS).map((contact) => meshEndpoint(contact.host)),
      store: new DiskMembers(host),
    };
  }

  /** The links of a host's daemon as it has them now, whichever life it is in; undefined without a mesh. */
  meshOfHost(name: HostName): Mesh | undefined {
    return this.meshes.get(name);
  }

  private booted({ name }: Machine): void {
    this.files?.restore(name);
    this.orchestrator.hostUp(name);
  }

  private ended({ name }: Machine): void {
    this.backends.forget(name);
    this.orchestrator.hostDown(name);
  }
}
