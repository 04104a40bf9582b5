import type { Endpoint } from '../endpoint.js';
import type { NeighbourPriority, OverlayMessage } from './messages.js';
import type { MeshLink } from './peer.js';
import { isNeighbour, type View } from './view.js';

/** Why we dial somebody: to be let in, as a neighbour, because a walk ended here, or in exchange for another neighbour. */
export type Purpose = 'join' | NeighbourPriority | 'exchange';

/** What is said on the link for it. An exchange is no emergency: who is asked judges by itself whether it gains. */
export function requestFor(purpose: Purpose): OverlayMessage {
  if (purpose === 'join') return { kind: 'join' };
  return { kind: 'neighbour', priority: purpose === 'exchange' ? 'low' : purpose };
}

interface Entry {
  readonly link: MeshLink;
  /** A link that is no neighbour's by then ends. */
  readonly dueMs: number;
  /** Our request on it, as long as it is not answered. */
  asked: Purpose | undefined;
}

/**
 * Whom we dial, every link that is open, and what we asked on it. A link is a neighbour's (the view says so), asked, or idle;
 * the latter two have a time within which somebody must say something. Requests are made when a link opens, so that
 * it is the same time for both.
 */
export class LinkBook {
  readonly #view: View;
  readonly #answerMs: number;
  readonly #dials = new Map<Endpoint, Purpose>();
  /** Neighbours' links, too; as they were opened. */
  readonly #open = new Map<number, Entry>();

  constructor(view: View, answerMs: number) {
    this.#view = view;
    this.#answerMs = answerMs;
  }

  /** How many dials are under way. */
  get dials(): number {
    return this.#dials.size;
  }

  dial(to: Endpoint, purpose: Purpose): void {
    this.#dials.set(to, purpose);
  }

  /** The dial has succeeded or failed. Answers what it was for; undefined of nobody we dialled. */
  dialled(to: Endpoint): Purpose | undefined {
    const purpose = this.#dials.get(to);
    this.#dials.delete(to);
    return purpose;
  }

  open(link: MeshLink, nowMs: number): void {
    this.#open.set(link.id, { link, dueMs: nowMs + this.#answerMs, asked: undefined });
  }

  get(id: number): MeshLink | undefined {
    return this.#open.get(id)?.link;
  }

  ids(): number[] {
    return [...this.#open.keys()];
  }

  /** False of a link that is not open. */
  delete(id: number): boolean {
    return this.#open.delete(id);
  }

  /** A request goes out on a link that has just opened. */
  ask(id: number, purpose: Purpose): void {
    const entry = this.#open.get(id);
    if (entry !== undefined) entry.asked = purpose;
  }

  /** The request on this link waits no longer. Answers what it was; undefined if there was none. */
  answered(id: number): Purpose | undefined {
    const entry = this.#open.get(id);
    const purpose = entry?.asked;
    if (entry !== undefined) entry.asked = undefined;
    return purpose;
  }

  /** Links on which we wait for an answer, or for that of one peer. */
  asked(peer?: Endpoint): readonly { readonly id: number; readonly purpose: Purpose }[] {
    const all: { id: number; purpose: Purpose }[] = [];
    for (const [id, { link, asked }] of this.#open) {
      if (asked !== undefined && (peer ?? link.peer.endpoint) === link.peer.endpoint)
        all.push({ id, purpose: asked });
    }
    return all;
  }

  /** Open, no neighbour's, and no answer is waited for on it. */
  isIdle(id: number): boolean {
    const entry = this.#open.get(id);
    return entry !== undefined && entry.asked === undefined && !isNeighbour(this.#view, entry.link);
  }

  /** A link to it stands or is about to. */
  inTouch(peer: Endpoint): boolean {
    if (this.#dials.has(peer) || this.#view.active.has(peer)) return true;
    for (const { link } of this.#open.values()) if (link.peer.endpoint === peer) return true;
    return false;
  }

  /** Links on which we waited for an answer long enough. */
  unanswered(nowMs: number): MeshLink[] {
    return this.#overdue(nowMs).filter(({ id }) => !this.isIdle(id));
  }

  /** Links on which nobody asked for anything in time. */
  idle(nowMs: number): MeshLink[] {
    return this.#overdue(nowMs).filter(({ id }) => this.isIdle(id));
  }

  /** When the next one is overdue; infinite if there is nothing to wait for. */
  nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { link, dueMs } of this.#open.values()) {
      if (!isNeighbour(this.#view, link)) nextMs = Math.min(nextMs, dueMs);
    }
    return nextMs;
  }

  #overdue(nowMs: number): MeshLink[] {
    return [...this.#open.values()]
      .filter(({ link, dueMs }) => dueMs <= nowMs && !isNeighbour(this.#view, link))
      .map(({ link }) => link);
  }
}
