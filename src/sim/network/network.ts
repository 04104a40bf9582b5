import { type Address, addressOf, type Endpoint, portOf } from '../../core/endpoint.js';
import type { Engine } from '../engine/engine.js';
import type { Host } from '../engine/host.js';
import type { HostName } from '../engine/journal.js';
import type { Process } from '../engine/process.js';
import type { ByteStream, DialEvents } from './byte-stream.js';
import type { Latency } from './latency.js';
import { NetworkFaults } from './network-faults.js';
import type { Packet } from './packet.js';
import { Station } from './station.js';
import { type Accept, Streams } from './streams.js';
import { Wire } from './wire.js';

/** Ethernet, IPv4 and TCP headers. */
const HEADERS = 66;
const PORTS = 65536;

/**
 * Everything between hosts: TCP packets between their kernels, and byte streams between programs that need no
 * kernel of their own (the mesh, HTTP). Both take the same latencies and suffer the same faults.
 */
export class Network {
  readonly faults: NetworkFaults;
  private readonly engine: Engine;
  private readonly wire: Wire;
  private readonly streams: Streams;
  private readonly stations = new Map<HostName, Station>();
  private readonly byIndex: Station[] = [];
  private readonly byAddress = new Map<Address, Station>();

  constructor(engine: Engine) {
    this.engine = engine;
    this.wire = new Wire(engine);
    this.streams = new Streams(this.wire, (address) => this.byAddress.get(address));
    this.faults = new NetworkFaults(engine, this.wire, this.stations);
  }

  get latency(): Latency {
    return this.wire.latency;
  }

  /** Puts a host on the network, with packets for its address (and `further` ones) going to `receive`. */
  attach(host: Host, receive: (packet: Packet) => void, further: readonly Address[] = []): void {
    if (this.stations.has(host.name)) throw new Error(`${host.name} is on the network already`);
    const station = new Station(host, receive);
    this.stations.set(host.name, station);
    this.byIndex[host.index] = station;
    for (const address of [host.address, ...further]) this.byAddress.set(address, station);
  }

  hostAt(address: Address): Host | undefined {
    return this.byAddress.get(address)?.host;
  }

  /** Octets that a host put on the wire so far, headers included. */
  octetsSent(host: Host): number {
    return this.station(host).octetsSent;
  }

  /**
   * A machine that goes down is silent at once, and its kernel forgets its streams; its programs are to be ended
   * after that. When it is up again it answers whoever still speaks to them with a RST.
   */
  setUp(host: Host, up: boolean): void {
    const station = this.station(host);
    station.up = up;
    if (!up) for (const end of [...station.ends]) end.release();
  }

  /** Sends a packet of a host's kernel. It arrives once or never; in order within its connection. */
  send(from: Host, packet: Packet): void {
    const target = this.byAddress.get(addressOf(packet.to));
    if (target === undefined) return;
    const ports = portOf(packet.from) * PORTS + portOf(packet.to);
    const atMs = this.wire.arrivalMs(
      this.byIndex[from.index]!,
      target,
      HEADERS + packet.size,
      target.index * PORTS * PORTS + ports,
      ports,
      packet.segment === 'syn',
    );
    if (atMs === undefined) return;
    target.host.lane.after(atMs - this.engine.nowMs, () => {
      if (target.up) target.receive(packet);
    });
  }

  /** Takes streams for `port` of the host until it is closed or the process ends. Throws if the port is taken. */
  listen(host: Host, process: Process, port: number, accept: Accept): { close(): void } {
    return this.streams.listen(this.station(host), process, port, accept);
  }

  /** Asks for a stream to `to`; what comes of it comes as events, never inside this call. */
  dial(host: Host, process: Process, to: Endpoint, events: DialEvents): ByteStream {
    return this.streams.dial(this.station(host), process, to, events);
  }

  private station(host: Host): Station {
    const station = this.stations.get(host.name);
    if (station === undefined) throw new Error(`${host.name} is not on the network`);
    return station;
  }
}
