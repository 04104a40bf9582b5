import type { PlacedAgainMessage } from '../../actors/data-plane/balancer.js';
import type { NfqueueWorkerMessage } from '../../actors/data-plane/nfqueue-worker.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { Happening, HostName } from '../engine/journal.js';
import type { Eyes, HostEyes } from './eyes.js';

/** The connect timeout, and what a clock may be off by. */
export const IN_FLIGHT_MOST_MS = 410;

interface LateFlow {
  queuedMs: number;
  placedMs: number;
  /** Where it was placed last. */
  backend: Endpoint | undefined;
}

/** SYNs of one VIP on one host of late, by client. */
export interface Late {
  readonly host: HostEyes;
  readonly vip: Endpoint;
  readonly flows: Map<Endpoint, LateFlow>;
  /** Whether an audit is due. */
  audit: boolean;
}

/** What went towards VIPs in the last moments: whose handshake may be in flight. */
class LateSyns {
  private readonly hosts = new Map<HostName, Map<Endpoint, Late>>();
  private readonly eyes: Eyes;

  constructor(eyes: Eyes) {
    this.eyes = eyes;
  }

  hear(news: Happening, atMs: number): void {
    if (news.kind === 'queued') {
      const { flows } = this.of(news.host, news.vip as Endpoint);
      const flow = flows.get(news.client as Endpoint);
      if (flow !== undefined) {
        flow.queuedMs = atMs;
        return;
      }
      const placedMs = Number.NEGATIVE_INFINITY;
      flows.set(news.client as Endpoint, { queuedMs: atMs, placedMs, backend: undefined });
    } else if (news.kind === 'mapped' && news.outcome === 'made') {
      const flow = this.of(news.host, news.vip as Endpoint).flows.get(news.client as Endpoint);
      if (flow === undefined) return;
      flow.placedMs = atMs;
      flow.backend = news.backend as Endpoint;
    }
  }

  /** A retry keeps its backend: its handshake begins anew. */
  kept(name: HostName, { syn, backend }: PlacedAgainMessage): void {
    const flow = this.of(name, syn.vip).flows.get(syn.client);
    if (flow === undefined) return;
    flow.placedMs = this.eyes.nowMs;
    flow.backend = backend;
  }

  of(name: HostName, vip: Endpoint): Late {
    let vips = this.hosts.get(name);
    if (vips === undefined) {
      vips = new Map();
      this.hosts.set(name, vips);
    }
    let late = vips.get(vip);
    if (late === undefined) {
      late = { host: this.eyes.host(name), vip, flows: new Map(), audit: false };
      vips.set(vip, late);
    }
    return late;
  }

  all(name: HostName): Iterable<Late> {
    return this.hosts.get(name)?.values() ?? [];
  }

  /** Forgets what is over. */
  trim({ flows }: Late): void {
    for (const [client, { queuedMs, placedMs }] of flows) {
      if (this.eyes.nowMs - Math.max(queuedMs, placedMs) > IN_FLIGHT_MOST_MS) flows.delete(client);
    }
  }
}

const known = new WeakMap<Eyes, LateSyns>();

/** The late SYNs of a run, heard of once for all who ask. */
export function lateSynsOf(eyes: Eyes): LateSyns {
  let lates = known.get(eyes);
  if (lates === undefined) {
    lates = new LateSyns(eyes);
    known.set(eyes, lates);
    const heard = lates;
    eyes.onMessage('nfqueue', 'after', ({ host, message }) => {
      const answer = message as NfqueueWorkerMessage;
      if (answer.kind === 'placed-again' && answer.backend === answer.entry.backend)
        heard.kept(host.name, answer);
    });
    eyes.fleet.journal.follow((news, atMs) => heard.hear(news, atMs), ['queued', 'mapped']);
  }
  return lates;
}
