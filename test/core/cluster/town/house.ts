import type { DetectorEffect, GossipEffect, OverlayEffect } from '../../../../src/core/cluster/effects.js';
import { DETECTOR_DEFAULTS, FailureDetector } from '../../../../src/core/cluster/failure-detector.js';
import { GOSSIP_DEFAULTS, Gossip, type GossipSettings } from '../../../../src/core/cluster/gossip.js';
import { HYPARVIEW_DEFAULTS, Hyparview } from '../../../../src/core/cluster/hyparview.js';
import { BUDGET_DEFAULTS, LinkBudget } from '../../../../src/core/cluster/link-budget.js';
import type { Message } from '../../../../src/core/cluster/messages.js';
import type { CloseReason, MeshLink } from '../../../../src/core/cluster/peer.js';
import { Publisher, type PublisherState } from '../../../../src/core/cluster/publisher.js';
import { Reachability } from '../../../../src/core/cluster/reachability.js';
import { RecordTable } from '../../../../src/core/cluster/record-table.js';
import { emptyView, type View } from '../../../../src/core/cluster/view.js';
import { decode, encode } from '../../../../src/core/cluster/wire.js';
import type { Endpoint } from '../../../../src/core/endpoint.js';

/** What a node does to the world around it. */
export interface Wires {
  send(id: number, frame: Uint8Array, kind: Message['kind']): void;
  dial(to: Endpoint, timeoutMs: number): void;
  close(id: number, reason: CloseReason): void;
  tell(effect: GossipEffect | OverlayEffect | DetectorEffect): void;
}

/** What survives a restart of the process: its disk. */
export interface Disk {
  epoch: number;
  members: Endpoint[];
}

/** One node made of the pure parts alone: what the actors will do around them, in one place and synchronously. */
export class House {
  readonly self: Endpoint;
  readonly view: View = emptyView();
  readonly table = new RecordTable();
  readonly reachability: Reachability;
  readonly state: PublisherState;
  readonly gossip: Gossip;
  readonly detector: FailureDetector;
  readonly overlay: Hyparview;
  /** Those to whom a path was and is no more. */
  readonly lost = new Set<Endpoint>();
  readonly #wires: Wires;
  readonly #disk: Disk;
  readonly #budgets = new Map<number, LinkBudget>();
  readonly #heardMs = new Map<number, number>();
  protocolFaults = 0;

  constructor(
    self: Endpoint,
    name: string,
    contacts: readonly Endpoint[],
    disk: Disk,
    wires: Wires,
    random: () => number,
    nowMs: number,
    gossip?: Partial<GossipSettings>,
  ) {
    this.self = self;
    this.#wires = wires;
    this.#disk = disk;
    disk.epoch += 1;
    this.state = { epoch: disk.epoch, counter: 0 };
    const trees = new Map<Endpoint, { graphRevision: number; tree: never }>();
    this.reachability = new Reachability(self, trees as never);
    const publisher = new Publisher(self, name, this.state);
    this.gossip = new Gossip(
      this.table,
      this.reachability,
      publisher,
      { ...GOSSIP_DEFAULTS, ...gossip },
      random,
      nowMs,
    );
    this.detector = new FailureDetector(
      DETECTOR_DEFAULTS,
      () => this.gossip.tableHash(),
      (id) => this.#heardMs.get(id),
      random,
    );
    const around = {
      isReachable: (member: Endpoint) => this.reachability.has(member),
      unreachable: () =>
        [...this.table.entries()]
          .filter(
            ([member, { adjacency }]) => !this.reachability.has(member) && adjacency?.record.left !== true,
          )
          .map(([member]) => member),
      reachable: () => this.reachability.reached(),
      neighbours: (member: Endpoint) => this.reachability.neighbours(member),
      degree: (member: Endpoint) => this.table.get(member)?.adjacency?.record.neighbours.length,
    };
    this.overlay = new Hyparview(
      self,
      this.view,
      contacts,
      disk.members,
      around,
      HYPARVIEW_DEFAULTS,
      random,
      nowMs,
    );
  }

  opened(link: MeshLink, nowMs: number): void {
    this.#budgets.set(link.id, new LinkBudget(BUDGET_DEFAULTS, nowMs));
    this.#overlay(this.overlay.opened(link, nowMs), nowMs);
  }

  closed(id: number, nowMs: number): void {
    this.#budgets.delete(id);
    this.#heardMs.delete(id);
    this.#overlay(this.overlay.closed(id, nowMs), nowMs);
  }

  dialFailed(to: Endpoint, nowMs: number): void {
    this.#overlay(this.overlay.dialFailed(to, nowMs), nowMs);
  }

  frame(id: number, frame: Uint8Array, nowMs: number): void {
    const decoded = decode(frame);
    if (!decoded.ok || this.#budgets.get(id)?.spend(frame.length, nowMs) === false) {
      this.protocolFaults += 1;
      this.#overlay(this.overlay.expel(id, nowMs), nowMs);
      return;
    }
    this.#heardMs.set(id, nowMs);
    const { message } = decoded;
    switch (message.kind) {
      case 'ping':
        this.detector.heard(id, nowMs);
        this.#detector(this.detector.ping(id, message.seq, nowMs), nowMs);
        this.#overlay(this.overlay.pinged(id, nowMs), nowMs);
        this.#gossip(this.gossip.heardHash(id, message.tableHash, nowMs), nowMs);
        break;
      case 'pong':
        this.detector.heard(id, nowMs);
        this.detector.pong(id, message.seq, nowMs);
        this.#gossip(this.gossip.heardHash(id, message.tableHash, nowMs), nowMs);
        break;
      case 'suspect':
        this.detector.heard(id, nowMs);
        this.#detector(this.detector.alarm(message.target, message.steps, id, nowMs), nowMs);
        break;
      case 'records':
      case 'summary':
      case 'digest':
      case 'want':
        this.#gossip(this.gossip.receive([{ id, message }], nowMs), nowMs);
        break;
      default:
        this.#overlay(this.overlay.receive(id, message, nowMs), nowMs);
    }
  }

  tick(nowMs: number): void {
    this.#detector(this.detector.tick(nowMs), nowMs);
    this.#overlay(this.overlay.tick(nowMs), nowMs);
    this.#gossip(this.gossip.tick(nowMs), nowMs);
  }

  nextTickMs(): number {
    const parts = [this.detector.nextTickMs(), this.overlay.nextTickMs(), this.gossip.nextTickMs()];
    return Math.min(...parts.map((atMs) => atMs ?? Number.POSITIVE_INFINITY));
  }

  serve(vips: Parameters<Gossip['serve']>[0], nowMs: number): void {
    this.#gossip(this.gossip.serve(vips, nowMs), nowMs);
  }

  leave(nowMs: number): void {
    this.#gossip(this.gossip.leave(nowMs), nowMs);
    this.#overlay(this.overlay.leave(nowMs), nowMs);
  }

  #overlay(effects: readonly OverlayEffect[], nowMs: number): void {
    for (const effect of effects) {
      this.#wires.tell(effect);
      if (effect.kind === 'send') this.#send(effect.id, effect.message);
      else if (effect.kind === 'dial') this.#wires.dial(effect.to, effect.timeoutMs);
      else if (effect.kind === 'close') this.#wires.close(effect.id, effect.reason);
      else if (effect.kind === 'neighbour-up') {
        this.#detector(this.detector.add(effect.link, nowMs), nowMs);
        this.#gossip(this.gossip.linkUp(effect.link, nowMs), nowMs);
      } else if (effect.kind === 'neighbour-down') {
        this.detector.remove(effect.link.id);
        this.#gossip(this.gossip.linkDown(effect.link, effect.why, nowMs), nowMs);
      }
    }
  }

  #detector(effects: readonly DetectorEffect[], nowMs: number): void {
    for (const effect of effects) {
      this.#wires.tell(effect);
      if (effect.kind === 'send') this.#send(effect.id, effect.message);
      else this.#overlay(this.overlay.cut(effect.id, nowMs), nowMs);
    }
  }

  #gossip(effects: readonly GossipEffect[], nowMs: number): void {
    for (const effect of effects) {
      this.#wires.tell(effect);
      if (effect.kind === 'send') this.#send(effect.id, effect.message);
      else if (effect.kind === 'epoch') this.#disk.epoch = effect.epoch;
      else if (effect.kind === 'members') {
        for (const member of effect.lost) this.lost.add(member);
        for (const member of [...effect.found, ...effect.left, ...effect.dropped]) this.lost.delete(member);
      }
    }
    void nowMs;
  }

  #send(id: number, message: Message): void {
    this.#wires.send(id, encode(message), message.kind);
  }
}
