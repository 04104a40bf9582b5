import type { Endpoint } from '../endpoint.js';
import type { OverlayEffect, PartingReason } from './effects.js';
import { Eviction } from './eviction.js';
import type { HyparviewSettings, Surroundings } from './hyparview-settings.js';
import { Lapses } from './lapses.js';
import { LinkBook, type Purpose, requestFor } from './link-book.js';
import type { NeighbourPriority, OverlayMessage } from './messages.js';
import type { MeshLink } from './peer.js';
import { Prober } from './prober.js';
import { Recruiter } from './recruiter.js';
import { Shuffles } from './shuffles.js';
import { Untangling } from './untangling.js';
import { addPassive, draw, ENOUGH, isNeighbour, sample, type View } from './view.js';

export { HYPARVIEW_DEFAULTS, type HyparviewSettings, type Surroundings } from './hyparview-settings.js';

/** Walks sent for one joiner by one whose view is full. */
const WALKS_MOST = 4;
/** Two links to one peer within so long were dialled at the same time from both sides. */
const CROSSING_MS = 2000;
/** Who had no room is not asked again for so long; who died is not thought of again for so long. */
const REFUSED_MS = 3000;
const DIED_MS = 2000;
const EXPELLED_MS = 30_000;

/**
 * HyParView (Leitão, Pereira, Rodrigues 2007), with Lashup's sizes: a few neighbours with whom one has links, and a larger
 * passive view of whom to ask when one is lost. Both views are bounded, disjoint and without oneself.
 *
 * Somebody is a neighbour when he was asked on a link and said yes on it: the one asked adds when it says so, the one who
 * asks when it hears so. What comes by a link that is not the neighbour's (any more) does not speak for him.
 * Beyond the paper: requests put somebody out only so often; whoever is refused hears of others to ask; and everybody
 * whom no path leads to, contacts above all, is probed for ever, since halves of an overlay do not merge by themselves.
 */
export class Hyparview {
  readonly self: Endpoint;
  readonly #view: View;
  readonly #settings: HyparviewSettings;
  readonly #around: Surroundings;
  readonly #random: () => number;
  readonly #contacts: readonly Endpoint[];
  readonly #links: LinkBook;
  readonly #died = new Lapses(DIED_MS);
  readonly #expelled = new Lapses(EXPELLED_MS);
  readonly #eviction: Eviction;
  readonly #recruiter: Recruiter;
  readonly #prober: Prober;
  readonly #shuffles: Shuffles;
  readonly #untangling: Untangling;
  #leaving = false;
  #nowMs: number;
  #effects: OverlayEffect[] = [];

  /** `contacts`: the configured ones; `remembered`: whom it knew before its last end, a start for the passive view. */
  constructor(
    self: Endpoint,
    view: View,
    contacts: readonly Endpoint[],
    remembered: readonly Endpoint[],
    around: Surroundings,
    settings: HyparviewSettings,
    random: () => number,
    nowMs: number,
  ) {
    this.self = self;
    this.#view = view;
    this.#contacts = contacts.filter((contact) => contact !== self);
    this.#around = around;
    this.#settings = settings;
    this.#random = random;
    this.#nowMs = nowMs;
    this.#links = new LinkBook(view, settings.answerMs);
    this.#eviction = new Eviction(self, view, around, settings.evictMs);
    const diedLately = (peer: Endpoint): boolean => this.#died.has(peer);
    this.#recruiter = new Recruiter(self, view, this.#links, around, settings, diedLately, random, nowMs);
    this.#prober = new Prober(self, this.#contacts, around, settings, random, nowMs);
    this.#untangling = new Untangling(self, view, around, this.#eviction, settings, random, nowMs);
    this.#shuffles = new Shuffles(
      self,
      view,
      settings,
      random,
      {
        send: (id, message) => this.#send(id, message),
        note: (peer) => this.#note(peer),
      },
      nowMs,
    );
    for (const peer of remembered) addPassive(view, self, peer, settings.passive, random);
  }

  /** Takes over links that stand already, after whoever worked on the view before crashed. Others than neighbours' are closed. */
  adopt(links: readonly MeshLink[], nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    const open = new Map(links.map((link) => [link.id, link]));
    for (const { link } of [...this.#view.active.values()]) {
      if (open.has(link.id)) this.#effects.push({ kind: 'neighbour-up', link });
      else this.#lose(link, 'died');
    }
    for (const link of links) {
      this.#links.open(link, nowMs);
      if (!isNeighbour(this.#view, link)) this.#close(link.id);
    }
    return this.#take();
  }

  opened(link: MeshLink, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    const peer = link.peer.endpoint;
    const purpose = link.dialled ? this.#links.dialled(peer) : undefined;
    this.#links.open(link, nowMs);
    const expelled = this.#expelled.has(peer);
    const unwanted =
      expelled || (link.dialled && (purpose === undefined || !this.#stillWanted(peer, purpose)));
    if (peer === this.self || this.#leaving || unwanted) this.#close(link.id);
    else if (purpose !== undefined) this.#ask(link, purpose);
    return this.#take();
  }

  closed(id: number, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    const link = this.#links.get(id);
    if (link === undefined) return [];
    const request = this.#links.answered(id);
    this.#links.delete(id);
    if (isNeighbour(this.#view, link)) this.#lose(link, 'died');
    else if (request !== undefined) this.#refused(link.peer.endpoint, request);
    return this.#take();
  }

  dialFailed(to: Endpoint, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    this.#links.dialled(to);
    this.#view.passive.delete(to);
    this.#recruiter.hurry(this.#nowMs);
    return this.#take();
  }

  /** The failure detector heard nothing on the link for too long. */
  cut(id: number, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    const link = this.#links.get(id);
    if (link !== undefined && isNeighbour(this.#view, link)) {
      this.#lose(link, 'died');
      this.#links.delete(id);
      this.#effects.push({ kind: 'close', id, reason: 'silent' });
    }
    return this.#take();
  }

  /** The peer sent what no peer sends, or too much of it: the link ends, and it is not thought of for a while. */
  expel(id: number, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    const link = this.#links.get(id);
    if (link === undefined) return [];
    if (isNeighbour(this.#view, link)) this.#lose(link, 'died');
    this.#expelled.add(link.peer.endpoint, nowMs);
    this.#links.delete(id);
    this.#effects.push({ kind: 'close', id, reason: 'protocol' });
    return this.#take();
  }

  /** A ping came by a link. On one that is no neighbour's it is told so, else the two would differ for ever. */
  pinged(id: number, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    if (this.#links.isIdle(id)) this.#part(id);
    return this.#take();
  }

  receive(id: number, message: OverlayMessage, nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    const link = this.#links.get(id);
    if (link === undefined || this.#leaving) return [];
    switch (message.kind) {
      case 'join':
        this.#joining(link);
        break;
      case 'neighbour':
        this.#asked(link, message.priority);
        break;
      case 'neighbour-answer':
        this.#answered(link, message.accepted);
        break;
      case 'disconnect':
        this.#disconnected(link);
        break;
      case 'forward-join':
        if (isNeighbour(this.#view, link)) this.#walk(message.joiner, message.ttl, link.peer.endpoint);
        break;
      case 'shuffle':
        if (isNeighbour(this.#view, link)) this.#shuffles.received(message, link.peer.endpoint);
        break;
      case 'shuffle-reply':
        this.#shuffles.replied(message);
        break;
    }
    return this.#take();
  }

  tick(nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    if (this.#leaving) return this.#take();
    this.#expire();
    for (const peer of this.#recruiter.due(nowMs)) this.#dial(peer, 'low');
    const { active, passive } = this.#view;
    const touched = (member: Endpoint): boolean => this.#links.inTouch(member);
    for (const member of this.#prober.due(passive.keys(), active.size === 0, touched, nowMs)) {
      this.#dial(member, 'join');
    }
    const far = this.#untangling.due((peer) => this.#recruiter.isStranger(peer), nowMs);
    if (far !== undefined) this.#dial(far, 'exchange');
    this.#shuffles.tick(nowMs);
    return this.#take();
  }

  nextTickMs(): number | undefined {
    if (this.#leaving) return undefined;
    return Math.min(
      this.#recruiter.nextMs,
      this.#prober.nextMs,
      this.#shuffles.nextMs,
      this.#untangling.nextMs,
      this.#links.nextMs(),
    );
  }

  /** Parts from everybody in good order. */
  leave(nowMs: number): readonly OverlayEffect[] {
    this.#nowMs = nowMs;
    this.#leaving = true;
    for (const { link } of [...this.#view.active.values()]) {
      this.#view.active.delete(link.peer.endpoint);
      this.#effects.push({ kind: 'neighbour-down', link, why: 'disconnected' });
    }
    for (const id of this.#links.ids()) this.#part(id);
    return this.#take();
  }

  // Joining

  #joining(link: MeshLink): void {
    const joiner = link.peer.endpoint;
    const others = this.#others(joiner);
    const accepted =
      isNeighbour(this.#view, link) || this.#room() > 0 || this.#eviction.isFairFor(joiner, this.#nowMs);
    // Before the answer: whoever is refused ends the link, and needs somebody else to ask.
    const peers = this.#shuffles.somePeers(joiner);
    if (peers.length > 0) this.#send(link.id, { kind: 'shuffle-reply', path: [], peers });
    this.#answer(link, accepted);
    for (const { link: other } of sample(others, WALKS_MOST, this.#random)) {
      this.#send(other.id, { kind: 'forward-join', joiner, ttl: this.#settings.walk });
    }
  }

  #walk(joiner: Endpoint, ttl: number, from: Endpoint): void {
    if (joiner === this.self) return;
    if (ttl === this.#settings.notedAt) this.#note(joiner);
    const known = this.#view.active.has(joiner);
    const next = draw(this.#others(from, joiner), this.#random);
    if (ttl > 0 && next !== undefined) {
      this.#send(next.link.id, { kind: 'forward-join', joiner, ttl: ttl - 1 });
      return;
    }
    // A walk that ends, or that cannot go on, ends here: the joiner is asked, and added on its answer.
    if (known) return;
    if (this.#claim()) this.#dial(joiner, 'walk');
    else this.#note(joiner);
  }

  // Neighbours

  #ask(link: MeshLink, purpose: Purpose): void {
    // Only who has nobody may put others out, and only at one place: else joins evict each other for ever.
    const lost =
      this.#view.active.size === 0 && !this.#links.asked().some((request) => request.purpose === 'high');
    const priority = purpose === 'low' && lost ? 'high' : purpose;
    if (purpose === 'join') this.#eviction.joins(this.#nowMs);
    this.#links.ask(link.id, priority);
    this.#send(link.id, requestFor(priority));
  }

  #asked(link: MeshLink, priority: NeighbourPriority): void {
    const peer = link.peer.endpoint;
    const welcome =
      this.#room() > 0 ||
      priority === 'high' ||
      (this.#eviction.hasFew(peer) && this.#eviction.isFairFor(peer, this.#nowMs)) ||
      (priority === 'walk' && this.#eviction.takesFromWalk(this.#nowMs)) ||
      (priority === 'low' && this.#untangling.isFar(peer) && this.#eviction.isFairToUntangle(this.#nowMs));
    this.#answer(link, welcome || this.#view.active.has(peer));
  }

  /** Says yes or no to a request on `link`, unless the two of us ask each other at once on two links. */
  #answer(link: MeshLink, welcome: boolean): void {
    const peer = link.peer.endpoint;
    const accepted = welcome && this.#prevails(link);
    this.#send(link.id, { kind: 'neighbour-answer', accepted });
    if (accepted) this.#admit(link);
    else if (!this.#view.active.has(peer)) this.#note(peer);
  }

  /**
   * Whether a request on `link` goes before other dealings with that peer. Of two links that were dialled at the
   * same time, one from each side, that of the smaller endpoint stays; both sides judge alike. Later than that a new request means that
   * the peer has given the old link up.
   */
  #prevails(link: MeshLink): boolean {
    const peer = link.peer.endpoint;
    for (const { id } of this.#links.asked(peer)) {
      if (id === link.id) continue;
      if (this.self < peer) return false;
      this.#close(id);
    }
    const active = this.#view.active.get(peer);
    if (active === undefined || active.link.id === link.id) return true;
    const young = this.#nowMs - active.sinceMs < CROSSING_MS;
    return !young || active.link.peer.instance !== link.peer.instance;
  }

  #answered(link: MeshLink, accepted: boolean): void {
    const purpose = this.#links.answered(link.id);
    // An answer that we gave up waiting for, or that nobody asked for.
    if (purpose === undefined) return;
    const peer = link.peer.endpoint;
    if (!accepted) {
      this.#refused(peer, purpose);
      this.#close(link.id);
    } else if (purpose === 'low' && this.#room() <= 0 && !this.#view.active.has(peer)) {
      this.#note(peer);
      this.#part(link.id);
    } else this.#admit(link);
  }

  #admit(link: MeshLink): void {
    const peer = link.peer.endpoint;
    const before = this.#view.active.get(peer);
    if (before?.link.id === link.id) return;
    if (before !== undefined) {
      this.#view.active.delete(peer);
      this.#effects.push({ kind: 'neighbour-down', link: before.link, why: 'replaced' });
      this.#close(before.link.id);
    }
    while (this.#view.active.size >= this.#settings.active) this.#evict();
    this.#links.answered(link.id);
    this.#view.passive.delete(peer);
    this.#died.delete(peer);
    this.#view.active.set(peer, { link, sinceMs: this.#nowMs });
    if (this.#view.active.size === 1) this.#prober.settle(this.#nowMs);
    this.#effects.push({ kind: 'neighbour-up', link });
  }

  #evict(): void {
    const link = this.#eviction.victim(this.#random, this.#nowMs);
    this.#view.active.delete(link.peer.endpoint);
    // It lives: somebody to ask later.
    this.#note(link.peer.endpoint);
    this.#effects.push({ kind: 'neighbour-down', link, why: 'evicted' });
    this.#part(link.id);
  }

  #disconnected(link: MeshLink): void {
    if (isNeighbour(this.#view, link)) this.#lose(link, 'disconnected');
    else {
      const purpose = this.#links.answered(link.id);
      if (purpose !== undefined) this.#refused(link.peer.endpoint, purpose);
    }
    this.#close(link.id);
  }

  #lose(link: MeshLink, why: PartingReason): void {
    const peer = link.peer.endpoint;
    this.#view.active.delete(peer);
    this.#effects.push({ kind: 'neighbour-down', link, why });
    if (why === 'died') {
      this.#died.add(peer, this.#nowMs);
      this.#view.passive.delete(peer);
    } else this.#note(peer);
    this.#recruiter.lost(why === 'died', this.#nowMs);
    this.#untangling.postpone(this.#nowMs);
  }

  #refused(peer: Endpoint, purpose: Purpose): void {
    const entry = this.#view.passive.get(peer);
    if (entry !== undefined) entry.notBeforeMs = this.#nowMs + REFUSED_MS;
    if (this.#view.active.size >= ENOUGH) return;
    if (purpose === 'join') this.#recruiter.awaitWalks(this.#nowMs);
    else this.#recruiter.hurry(this.#nowMs);
  }

  // Odds and ends

  #dial(to: Endpoint, purpose: Purpose): void {
    if (to === this.self || this.#links.inTouch(to) || this.#expelled.has(to)) return;
    this.#links.dial(to, purpose);
    this.#effects.push({ kind: 'dial', to, timeoutMs: this.#settings.dialMs });
  }

  #stillWanted(peer: Endpoint, purpose: Purpose): boolean {
    if (this.#view.active.has(peer)) return false;
    if (purpose === 'join') {
      return (
        this.#view.active.size === 0 ||
        (!this.#around.isReachable(peer) && (this.#room() > 0 || this.#eviction.isFair(this.#nowMs)))
      );
    }
    if (purpose === 'exchange') return this.#untangling.isFar(peer) && this.#eviction.hasTangled();
    return purpose === 'walk' || this.#room() > 0;
  }

  /** Requests without an answer, and links on which nobody asked for anything. */
  #expire(): void {
    for (const { id, peer } of this.#links.unanswered(this.#nowMs)) {
      this.#view.passive.delete(peer.endpoint);
      this.#close(id);
      this.#recruiter.hurry(this.#nowMs);
    }
    for (const { id } of this.#links.idle(this.#nowMs)) this.#close(id);
    this.#expelled.expire(this.#nowMs);
    this.#died.expire(this.#nowMs);
  }

  #room(): number {
    return this.#settings.active - this.#view.active.size;
  }

  /** Whether to ask a joiner that did not ask here: for a place that nobody else was asked to take, or that may be made. */
  #claim(): boolean {
    if (this.#room() > this.#links.asked().length + this.#links.dials) return true;
    if (!this.#eviction.isFair(this.#nowMs)) return false;
    this.#eviction.promised(this.#nowMs);
    return true;
  }

  #others(...except: readonly Endpoint[]): { readonly link: MeshLink }[] {
    return [...this.#view.active.values()].filter(({ link }) => !except.includes(link.peer.endpoint));
  }

  #note(peer: Endpoint): void {
    if (this.#died.has(peer) || this.#expelled.has(peer)) return;
    addPassive(this.#view, this.self, peer, this.#settings.passive, this.#random);
  }

  #send(id: number, message: OverlayMessage): void {
    this.#effects.push({ kind: 'send', id, message });
  }

  /** Says that we are no neighbours (any more), and ends the link. */
  #part(id: number): void {
    this.#send(id, { kind: 'disconnect' });
    this.#close(id);
  }

  #close(id: number): void {
    if (this.#links.delete(id)) this.#effects.push({ kind: 'close', id, reason: 'ended' });
  }

  #take(): readonly OverlayEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
