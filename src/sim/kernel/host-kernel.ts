import { type Address, addressOf, type Endpoint } from '../../core/endpoint.js';
import type { Scheduled } from '../../core/event-queue.js';
import type { Kernel } from '../../ports/world.js';
import type { Engine } from '../engine/engine.js';
import type { Host } from '../engine/host.js';
import type { HostName, Journal } from '../engine/journal.js';
import type { Process } from '../engine/process.js';
import type { Stream } from '../engine/seed.js';
import type { Packet } from '../network/packet.js';
import { ProcessAddressSet } from './address-set-port.js';
import type { Connection, ConnectionEvents, Listener, ListenerBehaviour } from './connection.js';
import { ProcessConntrack } from './conntrack-port.js';
import { ConntrackTable, type Entry } from './conntrack-table.js';
import { KernelFaults, strangers } from './faults.js';
import { ProcessFirewall } from './firewall-port.js';
import { HandshakeLogs } from './handshake-logs.js';
import { IpSets } from './ip-sets.js';
import { type HeldSyn, HostQueues, type KernelQueue, ProcessQueues } from './packet-queues.js';
import { QueueWarden } from './queue-warden.js';
import { ProcessRoutes, RoutingTable, WIRE } from './routes.js';
import { type Rule, Rules, type TableName } from './rules.js';
import { resetOf, Tcp } from './tcp.js';
import type { TcpSocket } from './tcp-socket.js';
import { Tools, Turns } from './tools.js';

/** Milliseconds over the loopback. */
const LOOPBACK_MS = 0.02;
/** Packets from the wire that a machine finds when it goes on after it stood still; those beyond are lost. */
const ROOM_IN_CARD = 256;
/** The log group that a daemon reads, unless told otherwise: the number of its first queue. */
const LOG_GROUP = 50;
/** The network that the simulated hosts are in, by the upper half of its addresses: 10.99.0.0/16. */
const HOSTS_NETWORK = 0x0a63;

export interface HostKernelOptions {
  readonly engine: Engine;
  readonly host: Host;
  readonly journal: Journal;
  /** Puts a packet onto the wire. */
  readonly transmit: (packet: Packet) => void;
}

/**
 * The kernel of one host, as far as connections to VIPs meet it: sockets, the hooks of netfilter with rules, sets,
 * queues and logs, the connection table, routes. Programs of the host use `connect` and `listen`, daemons `ports`.
 */
export class HostKernel {
  readonly name: HostName;
  readonly routing: RoutingTable;
  readonly conntrack: ConntrackTable;
  readonly sets: IpSets;
  readonly rules: Rules;
  readonly faults: KernelFaults;
  readonly tools: Tools;
  private readonly engine: Engine;
  private readonly host: Host;
  private readonly journal: Journal;
  private readonly transmit: (packet: Packet) => void;
  private readonly queues: HostQueues;
  private readonly logs: HandshakeLogs;
  private readonly tcp: Tcp;
  private readonly random: Stream;
  private up = true;
  /** On its way over the loopback, in order. */
  private looped: Packet[] = [];
  /** What falls due while the machine stands still; undefined while it runs. */
  private due: (() => void)[] | undefined;
  /** Counts the times the machine was switched on; what an earlier one planned does not happen. */
  private life = 1;

  constructor({ engine, host, journal, transmit }: HostKernelOptions) {
    this.engine = engine;
    this.host = host;
    this.journal = journal;
    this.transmit = transmit;
    this.name = host.name;
    this.random = engine.stream(`${host.name}/kernel`);
    this.routing = new RoutingTable(host.address);
    this.faults = new KernelFaults({
      flushRules: (table) => this.flushRules(table),
      spoilSet: (how) => this.spoilSet(how),
      fillTable: () => this.fillTable(),
    });
    this.conntrack = new ConntrackTable(engine, engine.stream(`${host.name}/conntrack`));
    this.sets = new IpSets(engine);
    this.rules = new Rules((name) => this.sets.find(name) !== undefined);
    this.sets.references = (name) => this.rules.references(name);
    this.tools = new Tools(this, engine.stream(`${host.name}/tools`), this.faults);
    this.queues = new HostQueues(this, journal, engine.stream(`${host.name}/queues`), this.faults);
    this.logs = new HandshakeLogs(this, engine.stream(`${host.name}/logs`), this.faults);
    this.tcp = new Tcp(this, engine.stream(`${host.name}/tcp`));
  }

  get nowMs(): number {
    return this.engine.nowMs;
  }

  clockMs(): number {
    return this.host.clock.nowMs();
  }

  after(delayMs: number, run: () => void): Scheduled {
    const { life } = this;
    return this.host.lane.after(delayMs, () => {
      if (life !== this.life) return;
      if (this.due === undefined) run();
      else this.due.push(run);
    });
  }

  /** What a daemon gets; released when its process ends. */
  ports(process: Process, logGroup = LOG_GROUP): Kernel {
    const turns = new Turns();
    const warden = new QueueWarden(this);
    process.onEnd(() => warden.end());
    const openLog = () => this.logs.bind(logGroup, process);
    return {
      queues: new ProcessQueues(this.queues, process, warden),
      conntrack: new ProcessConntrack(this, this.journal, this.conntrack, this.faults, openLog),
      routes: new ProcessRoutes(this.routing, process, this.faults),
      firewall: new ProcessFirewall(this, this, turns, warden, process),
      addressSet: new ProcessAddressSet(this, this.sets, this.tools, turns, process),
    };
  }

  /**
   * A client program of this host calls; from `port`, or one that the kernel picks. What the kernel cannot even
   * begin ends as `unreachable`, later.
   */
  connect(to: Endpoint, events: ConnectionEvents, options: { readonly port?: number } = {}): Connection {
    const route = this.up ? this.routing.lookup(addressOf(to)) : undefined;
    const socket = route && this.tcp.connect(route.source, to, options.port, events);
    if (socket !== undefined) return socket;
    this.host.lane.after(0, () => events.closed('unreachable'));
    return { local: 0 as Endpoint, peer: to, send() {}, finish() {}, close() {}, abort() {} };
  }

  /** A server program of this host takes connections at an address and port; address 0 stands for all. */
  listen(at: Endpoint, behaviour: Partial<ListenerBehaviour> = {}): Listener {
    return this.tcp.listen(at, behaviour);
  }

  /** A packet from the wire. */
  receive(packet: Packet): void {
    if (!this.up) return;
    if (this.due !== undefined) {
      if (this.due.length < ROOM_IN_CARD) this.due.push(() => this.receive(packet));
      return;
    }
    // Nothing for 127.0.0.0/8 comes from a wire.
    if (addressOf(packet.to) >>> 24 === 127) return;
    if (packet.segment === 'syn' && this.intercepted(packet, WIRE, undefined)) return;
    this.pass(packet, WIRE);
  }

  /** A packet made on this host. */
  output(packet: Packet, socket: TcpSocket | undefined): void {
    if (this.due !== undefined) {
      this.due.push(() => this.output(packet, socket));
      return;
    }
    if (packet.segment === 'syn' && this.intercepted(packet, 0, socket)) return;
    this.pass(packet, 0);
  }

  /** An accepted SYN goes on behind the rule that queued it. */
  goOn({ packet, inInterface }: HeldSyn): void {
    this.pass(packet, inInterface);
  }

  /** The machine ends: without a word, or with a RST for each connection that stood. */
  shutDown(how: 'silent' | 'reset'): void {
    if (!this.up) return;
    this.up = false;
    this.tcp.end(how);
    this.life += 1;
    this.due = undefined;
    this.looped = [];
  }

  /** The machine starts afresh: no rules, sets, entries, sockets. */
  boot(): void {
    if (this.up) this.shutDown('silent');
    this.queues.clear();
    this.logs.clear();
    this.conntrack.clear();
    this.rules.clear();
    const names = this.sets.names();
    this.sets.clear();
    for (const name of names) this.setChanged(name, 'boot');
    this.up = true;
  }

  /** The machine stands still. Its programs are to be paused as well. */
  pause(): void {
    if (this.up) this.due ??= [];
  }

  /** It goes on; what fell due meanwhile happens now. */
  resume(): void {
    const due = this.due ?? [];
    this.due = undefined;
    if (due.length > 0)
      this.after(0, () => {
        for (const run of due) run();
      });
  }

  /** Connections that stand are forgotten here; their peers do not hear of it. */
  forgetConnections(): void {
    this.tcp.forget();
  }

  /** Connections with a host, as this kernel's sockets see it, are reset for both ends. */
  severConnections(peer: Address): void {
    for (const socket of this.tcp.all()) if (addressOf(socket.peer) === peer) socket.sever();
  }

  entries(): readonly Entry[] {
    return this.conntrack.entries();
  }

  /** What a set holds, or undefined when there is no such set of destinations. */
  setMembers(name: string): ReadonlySet<Endpoint> | undefined {
    return this.sets.find(name)?.members;
  }

  standingRules(): readonly Rule[] {
    return this.rules.standing();
  }

  /** Queues that somebody holds, by number. */
  heldQueues(): ReadonlyMap<number, KernelQueue> {
    return this.queues.held;
  }

  /** Sockets: connected, on the way there, or waiting after it. */
  get sockets(): number {
    return this.tcp.count;
  }

  setChanged(name: string, by: string): void {
    this.journal.write({ kind: 'set', host: this.name, name, size: this.sets.size(name), by });
  }

  rulesChanged(by: string): void {
    this.journal.write({ kind: 'rules', host: this.name, by });
  }

  /** Whether a rule in raw took the SYN to a queue. */
  private intercepted(packet: Packet, inInterface: number, socket: TcpSocket | undefined): boolean {
    const { rules, sets } = this;
    for (const rule of inInterface === 0 ? rules.queueOutput : rules.queueInput) {
      if (!sets.has(rule.set, packet.to) || !sets.holdsEverything(rule.alive)) continue;
      if (this.queues.take(rule, packet, inInterface, socket)) return true;
    }
    return false;
  }

  /** All hooks behind raw, and then out of the machine or to a socket. */
  private pass(packet: Packet, inInterface: number): void {
    const { rules, conntrack } = this;
    let out = packet;
    let entry: Entry | undefined;
    if (rules.tracking) {
      const fate = conntrack.track(packet, rules.translating);
      if (fate === 'drop') return;
      if (fate === 'tracked') {
        entry = conntrack.entry!;
        const { isReply } = conntrack;
        if (rules.translating) out = translated(packet, entry, isReply);
        if (isReply && entry.ours) this.logAnswer(packet, out.to, inInterface);
      }
    }
    const local = this.routing.isLocal(addressOf(out.to));
    if (packet.segment === 'syn') {
      if (this.refused(out, entry, inInterface, local)) {
        this.journal.write({ kind: 'rejected', host: this.name, client: packet.from, vip: packet.to });
        this.leave(resetOf(packet), this.routing.isLocal(addressOf(packet.from)));
        return;
      }
      const placed = entry?.translatesDestination === true;
      if (!local && !placed && Math.floor(addressOf(out.to) / 65_536) !== HOSTS_NETWORK)
        this.journal.write({ kind: 'leaked', host: this.name, client: packet.from, vip: packet.to });
    }
    if (entry !== undefined && !entry.confirmed && !conntrack.confirm(entry)) return;
    if (local && inInterface !== 0) this.tcp.receive(out);
    // The host is no router for anything but what it has placed.
    else if (inInterface === 0 || out !== packet) this.leave(out, local);
  }

  private leave(packet: Packet, local: boolean): void {
    if (!local) this.transmit(packet);
    else {
      this.looped.push(packet);
      if (this.looped.length === 1) this.after(LOOPBACK_MS, () => this.takeLooped());
    }
  }

  private takeLooped(): void {
    const packets = this.looped;
    this.looped = [];
    for (const packet of packets) this.tcp.receive(packet);
  }

  /** In filter an answer bears its client's address already, and its backend's still. */
  private logAnswer(packet: Packet, client: Endpoint, inInterface: number): void {
    const refuses = packet.segment === 'rst';
    if (!refuses && packet.segment !== 'syn-ack') return;
    const stampMs = inInterface === 0 ? undefined : this.clockMs();
    const { logOutput, logInput, logForward } = this.rules;
    const arriving = this.routing.isLocal(addressOf(client)) ? logInput : logForward;
    for (const group of inInterface === 0 ? logOutput : arriving)
      this.logs.log(group, { from: packet.from, to: client, refuses, stampMs });
  }

  /** Whether a rule in filter resets the SYN: it is bound for a VIP, and no translation says where to. */
  private refused(out: Packet, entry: Entry | undefined, inInterface: number, local: boolean): boolean {
    if (entry?.translatesDestination === true) return false;
    if (inInterface !== 0 && local) return false;
    const { refuseOutput, refuseForward } = this.rules;
    for (const set of inInterface === 0 ? refuseOutput : refuseForward)
      if (this.sets.has(set, out.to)) return true;
    return false;
  }

  private flushRules(table: TableName | undefined): void {
    this.rules.flush(table);
    this.rulesChanged('fault');
  }

  private spoilSet(how: 'destroyed' | 'emptied' | 'edited'): void {
    for (const name of this.sets.names()) {
      const set = this.sets.find(name)!;
      if (set.kind !== 'destinations') continue;
      if (how === 'destroyed') {
        if (this.rules.references(name) > 0) {
          this.flushRules('raw');
          this.flushRules('filter');
        }
        this.sets.destroy(name);
      } else if (how === 'emptied') set.members.clear();
      else {
        if (set.members.size > 0) set.members.delete(this.random.oneOf([...set.members]));
        this.sets.add(name, strangers());
      }
      this.setChanged(name, 'fault');
    }
  }

  private fillTable(): () => void {
    const { conntrack } = this;
    conntrack.others = conntrack.max;
    return () => {
      conntrack.others = 0;
    };
  }
}

/** The packet with the addresses that its connection's entry puts in. */
function translated(packet: Packet, entry: Entry, isReply: boolean): Packet {
  const from = isReply ? entry.vip : entry.seen;
  const to = isReply ? entry.client : entry.backend;
  if (from === packet.from && to === packet.to) return packet;
  const { segment, size, sequence = 0, acknowledged = 0, says = 0 } = packet;
  return { from, to, segment, size, sequence, acknowledged, says };
}
