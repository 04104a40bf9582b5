import { endpoint } from '../../../src/core/endpoint.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { Process } from '../../../src/sim/engine/process.js';
import type { ByteStream } from '../../../src/sim/network/byte-stream.js';
import { Network } from '../../../src/sim/network/network.js';
import type { Packet, Segment } from '../../../src/sim/network/packet.js';

/** A few hosts on a network, each with a program, and what they were sent. */
export class Village {
  readonly engine: Engine;
  readonly network: Network;
  readonly hosts: Host[] = [];
  readonly processes: Process[] = [];
  readonly received: { readonly atMs: number; readonly host: string; readonly packet: Packet }[] = [];

  constructor(count: number, seed = 1) {
    this.engine = new Engine(seed);
    this.network = new Network(this.engine);
    for (let index = 0; index < count; index += 1) {
      const host = new Host(this.engine, index);
      this.hosts.push(host);
      this.processes.push(this.program(index));
      this.network.attach(host, (packet) => {
        this.received.push({ atMs: this.engine.nowMs, host: host.name, packet });
      });
    }
  }

  /** A program on a host; each host has one from the start, in `processes`. */
  program(index: number): Process {
    const host = this.hosts[index]!;
    return new Process(this.engine, host.lane, host.clock);
  }

  packet(from: number, to: number, segment: Segment, port = 40000, size = 0): Packet {
    return {
      from: endpoint(this.hosts[from]!.address, port),
      to: endpoint(this.hosts[to]!.address, 80),
      segment,
      size,
    };
  }

  send(from: number, to: number, segment: Segment = 'data', port = 40000, size = 0): void {
    this.network.send(this.hosts[from]!, this.packet(from, to, segment, port, size));
  }

  at(ms: number, run: () => void): void {
    this.hosts[0]!.lane.after(ms - this.engine.nowMs, run);
  }

  run(untilMs: number): Promise<void> {
    return this.engine.run(untilMs);
  }
}

/** What one end of a stream heard, in order, as words: `connected`, `data 5`, `end` … */
export class Ear {
  readonly heard: string[] = [];
  readonly times: number[] = [];
  octets: number[] = [];
  stream: ByteStream | undefined;
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  readonly connected = (): void => this.note('connected');
  readonly failed = (why: string): void => this.note(why);
  readonly data = (bytes: Uint8Array): void => {
    for (const octet of bytes) this.octets.push(octet);
    this.note(`data ${bytes.length}`);
  };
  readonly closed = (why: string): void => this.note(why);
  readonly drain = (): void => this.note('drain');

  private note(what: string): void {
    this.heard.push(what);
    this.times.push(this.engine.nowMs);
  }
}

/** A stream from the first host's program to the second's, both ends listened to. */
export function couple(village: Village, from = 0, to = 1): { client: Ear; server: Ear } {
  const client = new Ear(village.engine);
  const server = new Ear(village.engine);
  const { network, hosts, processes } = village;
  network.listen(hosts[to]!, processes[to]!, 7000, (stream) => {
    server.stream = stream;
    server.connected();
    return server;
  });
  client.stream = network.dial(hosts[from]!, processes[from]!, endpoint(hosts[to]!.address, 7000), client);
  return { client, server };
}
