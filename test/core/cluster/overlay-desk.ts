import seedrandom from 'seedrandom';
import type { OverlayEffect } from '../../../src/core/cluster/effects.js';
import {
  HYPARVIEW_DEFAULTS,
  Hyparview,
  type HyparviewSettings,
} from '../../../src/core/cluster/hyparview.js';
import type { OverlayMessage } from '../../../src/core/cluster/messages.js';
import type { MeshLink } from '../../../src/core/cluster/peer.js';
import { emptyView } from '../../../src/core/cluster/view.js';
import { Town } from './town/town.js';

const at = Town.endpointOf;

export interface DeskOptions {
  readonly self?: number;
  readonly contacts?: readonly number[];
  readonly remembered?: readonly number[];
  readonly unreachable?: readonly number[];
  /** With whom a node has links that both ends told of; the first seven, if not said. */
  readonly linksOf?: (node: number) => readonly number[];
  readonly reachable?: readonly number[];
  /** How many neighbours everybody says to have. */
  readonly degree?: () => number;
  readonly settings?: Partial<HyparviewSettings>;
  readonly seed?: string;
}

/** One overlay on the table, played by hand: nodes and links are small numbers, effects are sentences. */
export class Desk {
  readonly view = emptyView();
  readonly overlay: Hyparview;
  nowMs = 1000;
  #linkId = 0;

  constructor(options: DeskOptions = {}) {
    const apart = new Set([...(options.unreachable ?? []), ...(options.contacts ?? [])].map(at));
    this.overlay = new Hyparview(
      at(options.self ?? 50),
      this.view,
      (options.contacts ?? []).map(at),
      (options.remembered ?? []).map(at),
      {
        isReachable: (member) => !apart.has(member),
        unreachable: () => (options.unreachable ?? []).map(at),
        reachable: () => (options.reachable ?? []).map(at),
        neighbours: (member) => (options.linksOf?.(numberOf(member)) ?? [1, 2, 3, 4, 5, 6, 7]).map(at),
        degree: options.degree ?? (() => undefined),
      },
      { ...HYPARVIEW_DEFAULTS, ...options.settings },
      seedrandom(options.seed ?? 'desk'),
      this.nowMs,
    );
  }

  /** Opens a link with `node`; answers its id. */
  open(node: number, dialled = false, instance = 1): number {
    this.#linkId += 1;
    const link: MeshLink = {
      id: this.#linkId,
      peer: { endpoint: at(node), name: `n${node}`, instance },
      dialled,
    };
    this.last = said(this.overlay.opened(link, this.nowMs));
    return this.#linkId;
  }

  /** What came of the last step. */
  last: readonly string[] = [];

  hear(link: number, message: OverlayMessage): readonly string[] {
    this.last = said(this.overlay.receive(link, message, this.nowMs));
    return this.last;
  }

  closed(link: number): readonly string[] {
    this.last = said(this.overlay.closed(link, this.nowMs));
    return this.last;
  }

  /** Lets time pass, tick by tick; answers all that came of it. */
  pass(ms: number): readonly string[] {
    const untilMs = this.nowMs + ms;
    const all: string[] = [];
    for (let nextMs = this.overlay.nextTickMs()!; nextMs <= untilMs; nextMs = this.overlay.nextTickMs()!) {
      this.nowMs = Math.max(this.nowMs + 0.001, nextMs);
      all.push(...said(this.overlay.tick(this.nowMs)));
    }
    this.nowMs = untilMs;
    return all;
  }

  /** Makes neighbours of these; answers their links. */
  befriend(...nodes: number[]): number[] {
    return nodes.map((node) => {
      const link = this.open(node);
      this.hear(link, { kind: 'neighbour', priority: 'high' });
      return link;
    });
  }

  get active(): number[] {
    return [...this.view.active.keys()].map(numberOf).sort((a, b) => a - b);
  }

  get passive(): number[] {
    return [...this.view.passive.keys()].map(numberOf).sort((a, b) => a - b);
  }
}

function numberOf(endpoint: number): number {
  return Math.round((endpoint - at(0)) / 65536);
}

function said(effects: readonly OverlayEffect[]): string[] {
  return effects.map(sentence);
}

function sentence(effect: OverlayEffect): string {
  switch (effect.kind) {
    case 'send': {
      const { message } = effect;
      const more =
        message.kind === 'neighbour'
          ? ` ${message.priority}`
          : message.kind === 'neighbour-answer'
            ? ` ${message.accepted ? 'yes' : 'no'}`
            : message.kind === 'forward-join'
              ? ` ${numberOf(message.joiner)} ttl ${message.ttl}`
              : message.kind === 'shuffle'
                ? ` ttl ${message.ttl}`
                : '';
      return `${message.kind}${more} on ${effect.id}`;
    }
    case 'dial':
      return `dial ${numberOf(effect.to)}`;
    case 'close':
      return `close ${effect.id}`;
    case 'neighbour-up':
      return `up ${effect.link.id}`;
    case 'neighbour-down':
      return `down ${effect.link.id} ${effect.why}`;
    case 'log':
      return effect.event;
  }
}
