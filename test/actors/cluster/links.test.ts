import test from 'ava';
import { ClusterState } from '../../../src/actors/cluster/cluster-state.js';
import { meshLinks } from '../../../src/actors/cluster/links.js';
import type {
  GossipActorMessage,
  LinksMessage,
  MembershipMessage,
  PingerMessage,
} from '../../../src/actors/cluster/messages.js';
import { type SealedRecord, sealRecord } from '../../../src/core/cluster/record.js';
import { encode } from '../../../src/core/cluster/wire.js';
import type { MeshCounters } from '../../../src/core/status.js';
import type { Mesh, MeshLink } from '../../../src/ports/mesh.js';
import { at } from '../../support/endpoints.js';
import { Inbox, Stage } from '../../support/stage.js';

const SELF = at('10.9.0.1:61420');
const PEERS = [2, 3, 4].map((n) => at(`10.9.0.${n}:61420`));
const LINKS = PEERS.map((endpoint, id): MeshLink => {
  return { id, peer: { endpoint, name: `n${id}`, instance: id }, dialled: true };
});

const said = (counter: number): SealedRecord =>
  sealRecord({
    kind: 'adjacency',
    origin: at('10.9.0.9:61420'),
    epoch: 1,
    counter,
    name: 'n9',
    left: false,
    neighbours: PEERS,
    died: [],
  });

class LinksStage extends Stage<LinksMessage> {
  readonly state = new ClusterState(SELF, 0);
  readonly gossip = new Inbox<GossipActorMessage>();

  async start(): Promise<this> {
    await this.play(
      meshLinks({
        mesh: { receive: () => {}, links: () => LINKS } as unknown as Mesh,
        state: this.state,
        membership: new Inbox<MembershipMessage>(),
        pinger: new Inbox<PingerMessage>(),
        gossip: this.gossip,
        counters: { expelled: 0 } as MeshCounters,
        clock: this.time,
        log: this.log,
      }),
    );
    return this;
  }

  /** One frame from each neighbour, all at once; answers what gossip got, neighbour by neighbour. */
  async hear(...records: readonly SealedRecord[]): Promise<readonly SealedRecord[]> {
    const events = records.map((record, id) => {
      const frame = encode({ kind: 'records', records: [record] });
      return { kind: 'frame', id, frame, atMs: 0 } as const;
    });
    await this.send({ kind: 'events', events });
    return this.gossip.take().flatMap((message) => {
      if (message.kind !== 'messages') return [];
      return message.received.flatMap((one) => (one.message.kind === 'records' ? one.message.records : []));
    });
  }
}

test('what several neighbours say at once is read once', async (t) => {
  const stage = await new LinksStage().start();
  const heard = await stage.hear(said(1), said(1), said(1));
  t.deepEqual(heard[0], said(1));
  t.is(heard[1], heard[0]);
  t.is(heard[2], heard[0]);
  const [later] = await stage.hear(said(1));
  t.not(later, heard[0], 'what nobody kept is remembered');
});

test('of different records of one node none stands for another', async (t) => {
  const stage = await new LinksStage().start();
  t.deepEqual(await stage.hear(said(1), said(2), said(1)), [said(1), said(2), said(1)]);
  stage.state.table.merge(said(2));
  const kept = stage.state.table.record(said(2).record.origin, 'adjacency');
  const heard = await stage.hear(said(2), said(3), said(2));
  t.is(heard[0], kept);
  t.deepEqual(heard.slice(1), [said(3), said(2)]);
});
