import { formatEndpoint } from '../../../src/core/endpoint.js';
import { applyDelta, NO_VIPS, type Vips } from '../../../src/core/vips.js';
import type { Source, SourceReading } from '../../../src/ports/sources.js';
import { Host } from '../../../src/sim/engine/host.js';
import { Journal } from '../../../src/sim/engine/journal.js';
import { Documents } from '../../../src/sim/mesos/documents.js';
import { FakeMaster } from '../../../src/sim/mesos/fake-master.js';
import { MasterSource } from '../../../src/sim/mesos/master-source.js';
import { Orchestrator } from '../../../src/sim/mesos/orchestrator.js';
import { Village } from '../network/village.js';

/** Hosts with an orchestrator and a master, which has a host of its own, the last. */
export class MesosVillage extends Village {
  readonly orchestrator: Orchestrator;
  readonly master: FakeMaster;
  readonly documents = new Documents();
  readonly told: string[] = [];
  readonly versions: number[] = [];

  constructor(
    options: { hosts?: number; vips?: number; backends?: number; seed?: number; file?: boolean } = {},
  ) {
    const { hosts = 3, vips = 3, backends = 9, seed = 1, file = false } = options;
    super(hosts, seed);
    const { engine, network } = this;
    const journal = new Journal(engine);
    journal.follow((happening) => {
      if (happening.kind === 'desired') this.versions.push(happening.version);
    });
    this.orchestrator = new Orchestrator({
      engine,
      journal,
      hosts: this.hosts,
      vips,
      backends,
      keepsEmptyVips: file,
      onTask: (task, phase) => this.told.push(`${task.number} ${phase}`),
    });
    const host = new Host(engine, hosts);
    network.attach(host, () => {});
    this.master = new FakeMaster({
      engine,
      network,
      host,
      hosts: this.hosts,
      orchestrator: this.orchestrator,
    });
  }

  begin(): void {
    this.orchestrator.begin();
    this.master.begin();
  }

  source(at: number): MasterSource {
    const { network, documents, master } = this;
    const [host, process] = [this.hosts[at]!, this.processes[at]!];
    return new MasterSource({ network, host, process, master: master.at, documents });
  }
}

/** Reads a source as the daemon does, and remembers what it knows by it. */
export class Follower {
  vips: Vips = NO_VIPS;
  readonly readings: SourceReading[] = [];
  private readonly source: Source;
  private token: string | undefined;

  constructor(source: Source) {
    this.source = source;
  }

  /** What the last reading was: its kind, or the reason of its failure. */
  get last(): string {
    const reading = this.readings.at(-1);
    return reading === undefined ? 'none' : reading.kind === 'failed' ? reading.reason : reading.kind;
  }

  read(): void {
    this.source.read(this.token, (reading) => {
      this.readings.push(reading);
      if (reading.kind === 'failed') return;
      this.token = reading.token;
      if (reading.kind === 'changed')
        this.vips = applyDelta(reading.reset ? NO_VIPS : this.vips, reading.delta);
    });
  }
}

/** VIPs as sorted lines. */
export function lines(vips: Vips): string[] {
  return [...vips]
    .map(([vip, backends]) => `${formatEndpoint(vip)}=${[...backends].map(formatEndpoint).sort().join()}`)
    .sort();
}
