import { type Endpoint, endpoint, portOf } from '../../core/endpoint.js';
import type { Scheduled } from '../../core/event-queue.js';
import type { Stream } from '../engine/seed.js';
import type { Packet } from '../network/packet.js';
import {
  ACCEPTING,
  type Connection,
  type ConnectionEvents,
  type Listener,
  type ListenerBehaviour,
} from './connection.js';
import { type SocketHost, TcpSocket } from './tcp-socket.js';
import { hashOf, TupleTable } from './tuple-table.js';

/** Ports the kernel picks for clients. */
const FIRST_PORT = 32_768;
const PORTS = 28_232;
/** Of Linux' table that makes each destination's ports run on their own. */
const PERTURBATIONS = 256;
const TIME_WAIT_MS = 60_000;
/** Between the first numbers of two connections: more than one counts, and a hundred thousand of them stay below 2^31. */
const START_STEP = 1 << 14;

/** What TCP needs of the kernel around it. */
export interface TcpHost {
  readonly nowMs: number;
  after(delayMs: number, run: () => void): Scheduled;
  /** A packet made on this host goes its way. */
  output(packet: Packet, socket: TcpSocket | undefined): void;
}

/** The sockets of one host. */
export class Tcp implements SocketHost {
  private readonly host: TcpHost;
  private readonly random: Stream;
  private readonly sockets = new TupleTable<TcpSocket>();
  private readonly listeners = new Map<Endpoint, ProgramListener>();
  /** Sockets that wait for stray packets, first to end first. */
  private lingering: TcpSocket[] = [];
  /** How many of those, from the first on, have ended. */
  private ended = 0;
  private readonly perturbations: Int32Array;
  private starts: number;

  constructor(host: TcpHost, random: Stream) {
    this.host = host;
    this.random = random;
    this.perturbations = Int32Array.from({ length: PERTURBATIONS }, () => random.below(PORTS));
    this.starts = random.below(START_STEP);
  }

  get nowMs(): number {
    return this.host.nowMs;
  }

  after(delayMs: number, run: () => void): Scheduled {
    return this.host.after(delayMs, run);
  }

  output(packet: Packet, socket: TcpSocket): void {
    this.host.output(packet, socket);
  }

  /** Those with a connection, or on the way to one, or waiting after one. */
  get count(): number {
    return this.sockets.size;
  }

  /** A client of `source` calls `to`, from `port` or one that the kernel picks; undefined when none is free. */
  connect(
    source: number,
    to: Endpoint,
    port: number | undefined,
    events: ConnectionEvents,
  ): TcpSocket | undefined {
    const local = port === undefined ? this.freePort(source, to) : this.givenPort(endpoint(source, port), to);
    if (local === undefined) return undefined;
    const socket = new TcpSocket(this, local, to, this.nextStart(), 'syn-sent', events);
    this.add(socket);
    socket.open();
    return socket;
  }

  listen(at: Endpoint, behaviour: Partial<ListenerBehaviour>): Listener {
    if (this.listeners.has(at)) throw new Error('there is a listener already');
    const listener = new ProgramListener(this, at, { ...ACCEPTING, ...behaviour });
    this.listeners.set(at, listener);
    return listener;
  }

  close(listener: ProgramListener): void {
    if (this.listeners.get(listener.at) === listener) this.listeners.delete(listener.at);
  }

  /** A packet for this host. */
  receive(packet: Packet): void {
    this.endLingering();
    const socket = this.sockets.find(packet.to, packet.from);
    if (socket !== undefined) {
      if (packet.segment !== 'syn' || !socket.givesWayTo(packet)) {
        socket.receive(packet);
        return;
      }
      socket.vanish();
    }
    if (packet.segment === 'syn') this.accept(packet);
    else if (packet.segment !== 'rst') this.reset(packet);
  }

  reset(packet: Packet): void {
    this.host.output(resetOf(packet), undefined);
  }

  linger(socket: TcpSocket): void {
    socket.lingersUntilMs = this.nowMs + TIME_WAIT_MS;
    this.lingering.push(socket);
  }

  release(socket: TcpSocket): void {
    this.sockets.remove(socket.local, socket.peer);
  }

  /** Everything ends, with a RST for what stands or without a word. */
  end(how: 'silent' | 'reset'): void {
    for (const socket of this.all()) {
      if (how === 'reset') socket.kill();
      socket.vanish();
    }
    this.sockets.clear();
    this.listeners.clear();
    this.lingering = [];
    this.ended = 0;
  }

  /** Forgets what stands, without a word to anybody outside: the peers have half of a connection. */
  forget(): void {
    for (const socket of this.all()) socket.vanish();
  }

  /** All sockets, in no order that means anything. */
  all(): readonly TcpSocket[] {
    const sockets: TcpSocket[] = [];
    this.sockets.forEach((socket) => void sockets.push(socket));
    return sockets;
  }

  private nextStart(): number {
    this.starts += START_STEP;
    return this.starts;
  }

  private add(socket: TcpSocket): void {
    this.sockets.add(socket.local, socket.peer, socket);
  }

  private accept(packet: Packet): void {
    const listener = this.listeners.get(packet.to) ?? this.listeners.get(endpoint(0, portOf(packet.to)));
    if (listener === undefined || listener.behaviour.answer === 'refuse') {
      this.reset(packet);
      return;
    }
    if (listener.behaviour.answer === 'silent') return;
    const session = new Session(listener);
    const socket = new TcpSocket(this, packet.to, packet.from, this.nextStart(), 'syn-recv', session);
    session.connection = socket;
    this.add(socket);
    socket.answer(packet, listener.behaviour.handshakeMs);
  }

  /** Each destination has a run of ports of its own, two apart, from a place that the seed draws (RFC 6056, 4). */
  private freePort(source: number, to: Endpoint): Endpoint | undefined {
    this.endLingering();
    const hash = hashOf(source, to) >>> 0;
    const place = hash % PERTURBATIONS;
    const offset = (hash + this.perturbations[place]!) % PORTS;
    for (const parity of [0, 1]) {
      for (let step = parity; step < PORTS; step += 2) {
        const local = endpoint(source, FIRST_PORT + ((offset + step) % PORTS));
        if (this.sockets.find(local, to) !== undefined) continue;
        const on = Math.max(step, 2 * this.random.below(4)) + 2;
        this.perturbations[place] = (this.perturbations[place]! + on) % PORTS;
        return local;
      }
    }
    return undefined;
  }

  /** A port that a program asks for may take over from one that only waits for stray packets. */
  private givenPort(local: Endpoint, to: Endpoint): Endpoint | undefined {
    this.endLingering();
    const old = this.sockets.find(local, to);
    if (old === undefined) return local;
    if (old.state !== 'time-wait') return undefined;
    old.vanish();
    return local;
  }

  private endLingering(): void {
    const { lingering, nowMs } = this;
    while (this.ended < lingering.length && lingering[this.ended]!.lingersUntilMs <= nowMs) {
      const socket = lingering[this.ended]!;
      if (socket.state === 'time-wait') socket.vanish();
      this.ended += 1;
    }
    if (this.ended < 1024 || this.ended * 2 < lingering.length) return;
    lingering.splice(0, this.ended);
    this.ended = 0;
  }
}

/** The RST that answers a packet out of nowhere. */
export function resetOf({ from, to, segment, sequence = 0, acknowledged = 0 }: Packet): Packet {
  const sequenceOfReset = segment === 'syn' ? 0 : acknowledged;
  const length = segment === 'ack' ? 0 : 1;
  return {
    from: to,
    to: from,
    segment: 'rst',
    size: 0,
    sequence: sequenceOfReset,
    acknowledged: sequence + length,
    says: 0,
  };
}

class ProgramListener implements Listener {
  readonly at: Endpoint;
  readonly connections = new Set<Connection>();
  behaviour: ListenerBehaviour;
  readonly tcp: Tcp;

  constructor(tcp: Tcp, at: Endpoint, behaviour: ListenerBehaviour) {
    this.tcp = tcp;
    this.at = at;
    this.behaviour = behaviour;
  }

  become(behaviour: Partial<ListenerBehaviour>): void {
    this.behaviour = { ...this.behaviour, ...behaviour };
  }

  close(): void {
    this.tcp.close(this);
    for (const connection of [...this.connections]) connection.abort();
  }
}

/** What a server's program does with one connection: it says back what it hears. */
class Session implements ConnectionEvents {
  connection: Connection | undefined;
  private readonly listener: ProgramListener;

  constructor(listener: ProgramListener) {
    this.listener = listener;
  }

  connected(): void {
    this.listener.connections.add(this.connection!);
  }

  data(size: number): void {
    const { answer, echoMs } = this.listener.behaviour;
    if (answer === 'silent') return;
    const { peer } = this.connection!;
    if (echoMs > 0) this.listener.tcp.after(echoMs, () => this.connection!.send(size, peer));
    else this.connection!.send(size, peer);
  }

  ended(): void {
    if (!this.listener.behaviour.staysOpen) this.connection!.close();
  }

  closed(): void {
    this.listener.connections.delete(this.connection!);
  }
}
