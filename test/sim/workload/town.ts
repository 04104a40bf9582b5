import type { Endpoint } from '../../../src/core/endpoint.js';
import type { Vips } from '../../../src/core/vips.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { type Happening, Journal } from '../../../src/sim/engine/journal.js';
import { HostKernel } from '../../../src/sim/kernel/host-kernel.js';
import type { Task } from '../../../src/sim/mesos/task.js';
import { Network } from '../../../src/sim/network/network.js';
import { Backends } from '../../../src/sim/workload/backends.js';
import { Clients, type ClientsOptions } from '../../../src/sim/workload/clients.js';

/** Hosts with kernels but no daemon: clients call the backends themselves, which is all the same to them. */
export class Town {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly network: Network;
  readonly hosts: Host[] = [];
  readonly kernels: HostKernel[] = [];
  readonly backends: Backends;
  readonly happened: { readonly atMs: number; readonly what: Happening }[] = [];
  readonly away = new Set<string>();
  known: Vips = new Map();

  constructor(count: number, seed = 1) {
    this.engine = new Engine(seed);
    this.journal = new Journal(this.engine);
    this.journal.follow((what, atMs) => this.happened.push({ atMs, what }));
    this.network = new Network(this.engine);
    for (let index = 0; index < count; index += 1) {
      const host = new Host(this.engine, index);
      const { engine, journal, network } = this;
      const kernel = new HostKernel({
        engine,
        journal,
        host,
        transmit: (packet) => network.send(host, packet),
      });
      network.attach(host, (packet) => kernel.receive(packet));
      this.hosts.push(host);
      this.kernels.push(kernel);
    }
    this.backends = new Backends(this.sites());
  }

  sites() {
    return this.hosts.map(({ name }, at) => ({ name, sockets: this.kernels[at]! }));
  }

  /** Starts a task on a host and tells clients of it; its number is that of the host. */
  task(at: number, port = 8000): Task {
    const host = this.hosts[at]!;
    const backend = (host.address * 65536 + port) as Endpoint;
    const task: Task = {
      id: `t.${at}.${port}`,
      number: at,
      vip: backend,
      sibling: undefined,
      backend,
      host: host.name,
      state: 'running',
      healthy: true,
    };
    this.backends.onTask(task, 'started');
    this.known = new Map([...this.known, [backend, new Set([backend])]]);
    return task;
  }

  clients(options: Partial<ClientsOptions> = {}): Clients {
    const { engine, journal } = this;
    const clients = new Clients({
      engine,
      journal,
      sites: this.sites(),
      vips: () => this.known,
      isAway: (name) => this.away.has(name),
      connectionsPerSecond: 50,
      longConnections: 0,
      stopAtMs: 20_000,
      ...options,
    });
    clients.begin();
    return clients;
  }

  /** The happenings of one kind. */
  of<K extends Happening['kind']>(kind: K): Extract<Happening, { kind: K }>[] {
    return this.happened.flatMap(({ what }) =>
      what.kind === kind ? [what as Extract<Happening, { kind: K }>] : [],
    );
  }
}
