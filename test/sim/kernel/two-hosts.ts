import { addressOf, type Endpoint, endpoint, parseAddress } from '../../../src/core/endpoint.js';
import type { FirewallPlan } from '../../../src/ports/firewall.js';
import type { Kernel } from '../../../src/ports/world.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { type Happening, type HappeningKind, Journal } from '../../../src/sim/engine/journal.js';
import { Process } from '../../../src/sim/engine/process.js';
import type { CloseReason, Connection } from '../../../src/sim/kernel/connection.js';
import { HostKernel } from '../../../src/sim/kernel/host-kernel.js';
import type { Packet } from '../../../src/sim/network/packet.js';

export const VIP = endpoint(parseAddress('10.1.2.3')!, 5000);
export const PLAN: FirewallPlan = { ipset: 'minuteman', firstQueue: 50, queues: 1 };

/** Milliseconds on the wire. */
const WIRE_MS = 0.2;

/** A client of the first host, and what it was told. */
export class Caller {
  readonly told: string[] = [];
  backend: Endpoint | undefined;
  why: CloseReason | undefined;
  /** Virtual milliseconds at which SYNs went out. */
  readonly synsMs: number[] = [];
  readonly connection: Connection;

  constructor(kernel: HostKernel, to: Endpoint, port?: number) {
    this.connection = kernel.connect(
      to,
      {
        syn: () => this.synsMs.push(kernel.nowMs),
        connected: (backend) => {
          this.backend = backend;
          this.told.push('connected');
        },
        data: (size) => this.told.push(`data ${size}`),
        ended: () => this.told.push('ended'),
        closed: (why) => {
          this.why = why;
          this.told.push(why);
        },
      },
      port === undefined ? {} : { port },
    );
  }
}

/** Two hosts on a wire; on the first one a daemon that beats every second, whose decisions are the test's. */
export class TwoHosts {
  readonly engine = new Engine(3);
  readonly journal = new Journal(this.engine);
  readonly happened: Happening[] = [];
  readonly hosts = [new Host(this.engine, 0), new Host(this.engine, 1)] as const;
  readonly client: HostKernel;
  readonly server: HostKernel;
  readonly backend: Endpoint;
  readonly process: Process;
  readonly ports: Kernel;
  /** Whether the wire loses a packet. */
  loses: (packet: Packet) => boolean = () => false;

  constructor() {
    this.journal.follow((happening) => this.happened.push(happening));
    this.client = this.kernel(0);
    this.server = this.kernel(1);
    this.backend = endpoint(this.hosts[1].address, 8080);
    this.process = new Process(this.engine, this.hosts[0].lane, this.hosts[0].clock);
    this.ports = this.client.ports(this.process);
  }

  /** Rules, the set and a heart that beats. */
  async intercept(): Promise<void> {
    const { addressSet, firewall } = this.ports;
    addressSet.replace(PLAN.ipset, [VIP], () => {});
    firewall.ensure(PLAN, () => {});
    await this.pass(500);
    const beat = (): void => {
      firewall.heartbeat(PLAN);
      this.process.start(1_000, beat);
    };
    beat();
    this.happened.length = 0;
  }

  /** Decides on every SYN: `backendOf` says where it goes; undefined lets it go on unmapped. */
  place(backendOf: (client: Endpoint) => Endpoint | undefined): void {
    const { queues, conntrack } = this.ports;
    const queue = queues.open(PLAN.firstQueue);
    queue.receive((syns) => {
      for (const { client, vip, id } of syns) {
        const backend = backendOf(client);
        if (backend !== undefined) conntrack.map([{ client, vip, backend, source: undefined }]);
        queue.verdict([id], 'accept');
      }
    });
  }

  call(to: Endpoint = VIP, port?: number): Caller {
    return new Caller(this.client, to, port);
  }

  pass(ms: number): Promise<void> {
    return this.engine.run(this.engine.nowMs + ms);
  }

  kinds(...kinds: readonly HappeningKind[]): readonly Happening[] {
    return this.happened.filter(({ kind }) => kinds.includes(kind));
  }

  /** State of the only entry of a host's table. */
  state(kernel: HostKernel): number | undefined {
    return kernel.entries()[0]?.state;
  }

  private kernel(index: 0 | 1): HostKernel {
    const other = 1 - index;
    return new HostKernel({
      engine: this.engine,
      host: this.hosts[index],
      journal: this.journal,
      transmit: (packet) => {
        if (this.loses(packet) || addressOf(packet.to) !== this.hosts[other]!.address) return;
        this.hosts[other]!.lane.after(WIRE_MS, () =>
          (other === 0 ? this.client : this.server).receive(packet),
        );
      },
    });
  }
}
