import { BUDGET_DEFAULTS, LinkBudget } from '../../core/cluster/link-budget.js';
import type { Received } from '../../core/cluster/messages.js';
import { keyOf, type RecordKind, type SealedRecord } from '../../core/cluster/record.js';
import { isNeighbour } from '../../core/cluster/view.js';
import { decode } from '../../core/cluster/wire.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { MeshCounters } from '../../core/status.js';
import type { Log } from '../../ports/log.js';
import type { Mesh, MeshEvent, MeshLink } from '../../ports/mesh.js';
import type { Clock } from '../../ports/time.js';
import type { Behavior, Mailbox } from '../supervision/actor.js';
import type { ClusterState } from './cluster-state.js';
import type { GossipActorMessage, LinksMessage, MembershipMessage, PingerMessage } from './messages.js';

export interface LinksOptions {
  readonly mesh: Mesh;
  readonly state: ClusterState;
  readonly membership: Mailbox<MembershipMessage>;
  readonly pinger: Mailbox<PingerMessage>;
  readonly gossip: Mailbox<GossipActorMessage>;
  readonly counters: MeshCounters;
  readonly clock: Clock;
  readonly log: Log;
}

interface OpenLink {
  readonly link: MeshLink;
  readonly budget: LinkBudget;
  heardMs: number | undefined;
}

/** Takes what the transport delivers apart and hands each part to whom it concerns; shows liars and flooders the door. */
export function meshLinks(options: LinksOptions): Behavior<LinksMessage, Map<number, OpenLink>> {
  const { mesh, state, membership, pinger, gossip, counters, clock, log } = options;
  /** For gossip, of the events under way. */
  let received: Received[] = [];

  /** Records of the events under way, which the table does not have yet: neighbours tell the same news at the same time. */
  const fresh = new Map<number, SealedRecord>();

  const known = (origin: Endpoint, kind: RecordKind) =>
    fresh.get(keyOf(origin, kind)) ?? state.table.record(origin, kind);

  const expel = ({ peer, id }: MeshLink, why: string): void => {
    const node = formatEndpoint(peer.endpoint);
    counters.expelled += 1;
    log.event('warn', 'peer-expelled', `${peer.name} (${node}) ${why}; its link is cut for now`, {
      node: peer.name,
      endpoint: node,
      why,
    });
    membership.send({ kind: 'expel', id });
  };

  const read = (open: OpenLink, frame: Uint8Array, atMs: number): void => {
    const { link, budget } = open;
    const { id } = link;
    if (!budget.spend(frame.length, atMs)) {
      expel(link, 'sends more than any node has to say');
      return;
    }
    const decoded = decode(frame, known);
    if (!decoded.ok) {
      expel(link, `sends what is no message: ${decoded.reason}`);
      return;
    }
    open.heardMs = atMs;
    const { message } = decoded;
    switch (message.kind) {
      case 'ping':
      case 'pong':
      case 'suspect':
        pinger.send({ kind: 'message', id, message, atMs });
        if (message.kind === 'ping' && !isNeighbour(state.view, link))
          membership.send({ kind: 'pinged', id });
        break;
      case 'records':
        for (const sealed of message.records)
          fresh.set(keyOf(sealed.record.origin, sealed.record.kind), sealed);
        received.push({ id, message });
        break;
      case 'summary':
      case 'digest':
      case 'want':
        received.push({ id, message });
        break;
      default:
        membership.send({ kind: 'message', id, message });
    }
  };

  const take = (links: Map<number, OpenLink>, event: MeshEvent): void => {
    switch (event.kind) {
      case 'opened':
        links.set(event.link.id, openLink(event.link, clock.nowMs()));
        membership.send({ kind: 'opened', link: event.link });
        break;
      case 'closed':
        links.delete(event.id);
        membership.send({ kind: 'closed', id: event.id });
        break;
      case 'dial-failed':
        membership.send({ kind: 'dial-failed', to: event.to });
        break;
      case 'frame': {
        const open = links.get(event.id);
        if (open !== undefined) read(open, event.frame, event.atMs);
      }
    }
  };

  return {
    init: (self) => {
      mesh.receive((events) => self.mailbox.send({ kind: 'events', events }));
      const links = new Map(mesh.links().map((link) => [link.id, openLink(link, clock.nowMs())]));
      state.heardMs = (id) => links.get(id)?.heardMs;
      return links;
    },

    handle: (links, { events }) => {
      for (const event of events) take(links, event);
      if (received.length > 0) gossip.send({ kind: 'messages', received });
      received = [];
      fresh.clear();
      return links;
    },
  };
}

function openLink(link: MeshLink, nowMs: number): OpenLink {
  return { link, budget: new LinkBudget(BUDGET_DEFAULTS, nowMs), heardMs: undefined };
}
