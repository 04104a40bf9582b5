import type { Endpoint } from '../endpoint.js';
import type { HyparviewSettings } from './hyparview-settings.js';
import type { OverlayMessage } from './messages.js';
import { type ActiveEntry, draw, sample, type View } from './view.js';

const FIRST_MS = 2000;

type Shuffle = Extract<OverlayMessage, { kind: 'shuffle' }>;
type ShuffleReply = Extract<OverlayMessage, { kind: 'shuffle-reply' }>;

/** What shuffles do to the overlay around them. */
export interface ShuffleEffects {
  send(link: number, message: OverlayMessage): void;
  /** Somebody was heard of. */
  note(peer: Endpoint): void;
}

/**
 * Keeps the passive view fresh: now and then some names go on a walk, and whoever is at its end sends others back the way
 * they came.
 */
export class Shuffles {
  readonly #self: Endpoint;
  readonly #view: View;
  readonly #settings: HyparviewSettings;
  readonly #random: () => number;
  readonly #effects: ShuffleEffects;
  #nextMs: number;

  constructor(
    self: Endpoint,
    view: View,
    settings: HyparviewSettings,
    random: () => number,
    effects: ShuffleEffects,
    nowMs: number,
  ) {
    this.#self = self;
    this.#view = view;
    this.#settings = settings;
    this.#random = random;
    this.#effects = effects;
    this.#nextMs = nowMs + FIRST_MS * (0.5 + random());
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  /** Begins one when it is time. */
  tick(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + this.#settings.shuffleMs * (0.75 + 0.5 * this.#random());
    this.#begin();
  }

  #begin(): void {
    const via = draw([...this.#view.active.values()], this.#random);
    if (via === undefined) return;
    const peers = [this.#self, ...this.somePeers(via.link.peer.endpoint)];
    const message = { kind: 'shuffle', ttl: this.#settings.notedAt, path: [this.#self], peers } as const;
    this.#effects.send(via.link.id, message);
  }

  received({ path, peers, ttl: before }: Shuffle, from: Endpoint): void {
    // Decrement, then test: one that arrives with its last step is dealt with here, not lost.
    const ttl = before - 1;
    const next = draw(this.#others(from, path[0]!), this.#random);
    const again = path.includes(this.#self) || path.length > this.#settings.walk;
    if (ttl > 0 && next !== undefined && !again) {
      this.#effects.send(next.link.id, { kind: 'shuffle', ttl, path: [...path, this.#self], peers });
      return;
    }
    this.#passBack(path, this.somePeers(path[0]!, peers.length));
    for (const peer of peers) this.#effects.note(peer);
  }

  replied({ path, peers }: ShuffleReply): void {
    if (path.length > 0) this.#passBack(path, peers);
    else for (const peer of peers) this.#effects.note(peer);
  }

  /** Some of both views, for somebody who need not hear of himself. */
  somePeers(
    except: Endpoint,
    count = this.#settings.shuffleActive + this.#settings.shufflePassive,
  ): Endpoint[] {
    const active = sample(this.#others(except), Math.min(this.#settings.shuffleActive, count), this.#random);
    const passive = [...this.#view.passive.keys()].filter((peer) => peer !== except);
    return [
      ...active.map(({ link }) => link.peer.endpoint),
      ...sample(passive, Math.min(this.#settings.shufflePassive, count - active.length), this.#random),
    ];
  }

  /** Back the way it came; if a link of that way is gone, so is the answer, and the next shuffle will do. */
  #passBack(path: readonly Endpoint[], peers: readonly Endpoint[]): void {
    const back = this.#view.active.get(path.at(-1)!);
    if (back === undefined || peers.length === 0) return;
    this.#effects.send(back.link.id, { kind: 'shuffle-reply', path: path.slice(0, -1), peers });
  }

  #others(...except: readonly Endpoint[]): ActiveEntry[] {
    return [...this.#view.active.values()].filter(({ link }) => !except.includes(link.peer.endpoint));
  }
}
