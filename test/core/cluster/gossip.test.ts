import test from 'ava';
import seedrandom from 'seedrandom';
import type { GossipEffect } from '../../../src/core/cluster/effects.js';
import { GOSSIP_DEFAULTS, Gossip } from '../../../src/core/cluster/gossip.js';
import type { GossipMessage } from '../../../src/core/cluster/messages.js';
import type { MeshLink } from '../../../src/core/cluster/peer.js';
import { Publisher } from '../../../src/core/cluster/publisher.js';
import { Reachability } from '../../../src/core/cluster/reachability.js';
import { type AdjacencyRecord, type SealedRecord, sealRecord } from '../../../src/core/cluster/record.js';
import { RecordTable } from '../../../src/core/cluster/record-table.js';
import { Town } from './town/town.js';

const at = Town.endpointOf;

/** Node 0 with its gossip, played by hand. Link n leads to node n. */
class Desk {
  readonly table = new RecordTable();
  readonly reachability = new Reachability(at(0));
  readonly publisher = new Publisher(at(0), 'n0', { epoch: 5, counter: 0 });
  readonly gossip = new Gossip(
    this.table,
    this.reachability,
    this.publisher,
    GOSSIP_DEFAULTS,
    seedrandom('gossip'),
    0,
  );
  nowMs = 0;
  effects: GossipEffect[] = [];

  constructor(...neighbours: number[]) {
    for (const node of neighbours) this.note(this.gossip.linkUp(link(node), 0));
    this.pass(1000);
    for (const node of neighbours) this.hear(node, adjacency(node, 1, [0]));
    this.pass(1000);
    this.effects = [];
  }

  note(effects: readonly GossipEffect[]): void {
    this.effects.push(...effects);
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let i = 0; ; i += 1) {
      const nextMs = this.gossip.nextTickMs();
      if (nextMs === undefined || nextMs > untilMs) break;
      if (i > 10_000) throw new Error('it never rests');
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.note(this.gossip.tick(this.nowMs));
    }
    this.nowMs = untilMs;
  }

  hear(from: number, ...records: SealedRecord[]): void {
    this.say(from, { kind: 'records', records });
  }

  say(from: number, message: GossipMessage): void {
    this.note(this.gossip.receive([{ id: from, message }], this.nowMs));
  }

  /** What was sent since the last question: `link: what`. */
  sent(): string[] {
    const sent = this.effects.flatMap((effect) => {
      if (effect.kind !== 'send') return [];
      const { message, id } = effect;
      if (message.kind !== 'records') return [`${id}: ${message.kind}`];
      return message.records.map(
        ({ record }) => `${id}: ${record.kind} of ${nodeOf(record.origin)} at ${record.epoch}`,
      );
    });
    this.effects = this.effects.filter(({ kind }) => kind !== 'send');
    return sent.sort();
  }
}

function nodeOf(endpoint: number): number {
  return (endpoint - at(0)) / 65536;
}

function link(node: number): MeshLink {
  return { id: node, peer: { endpoint: at(node), name: `n${node}`, instance: 1 }, dialled: true };
}

function adjacency(
  origin: number,
  counter: number,
  neighbours: readonly number[],
  more: Partial<AdjacencyRecord> = {},
): SealedRecord {
  return sealRecord({
    kind: 'adjacency',
    origin: at(origin),
    epoch: 1,
    counter,
    name: `n${origin}`,
    left: false,
    neighbours: neighbours.map(at),
    died: [],
    ...more,
  });
}

test('news go on to everybody but who brought them, once', (t) => {
  const desk = new Desk(1, 2, 3);
  desk.hear(1, adjacency(9, 1, [1]));
  desk.pass(100);
  t.deepEqual(desk.sent(), ['2: adjacency of 9 at 1', '3: adjacency of 9 at 1']);
  desk.hear(2, adjacency(9, 1, [1]));
  desk.pass(50);
  t.deepEqual(desk.sent(), []);
});

test('news that came in together, by different links too, go on in one frame', (t) => {
  const desk = new Desk(1, 2, 3);
  const news = (id: number, origin: number) =>
    ({ id, message: { kind: 'records', records: [adjacency(origin, 1, [id], { left: true })] } }) as const;
  desk.note(desk.gossip.receive([news(1, 8), news(2, 9)], desk.nowMs));
  desk.pass(100);
  const frames = desk.effects.flatMap((effect) =>
    effect.kind === 'send' && effect.message.kind === 'records'
      ? [`${effect.id}: ${effect.message.records.length}`]
      : [],
  );
  t.deepEqual(frames.sort(), ['1: 1', '2: 1', '3: 2']);
});

test('an old version replayed changes nothing and travels no further', (t) => {
  const desk = new Desk(1, 2);
  desk.hear(1, adjacency(1, 7, [0, 9]), adjacency(9, 7, [1]));
  desk.pass(100);
  desk.sent();
  for (let counter = 1; counter < 7; counter += 1) desk.hear(2, adjacency(9, counter, []));
  desk.pass(100);
  t.deepEqual(desk.sent(), []);
  t.is(desk.table.record(at(9), 'adjacency')?.record.counter, 7);
  t.true(desk.reachability.has(at(9)));
});

test('a lost neighbour is told at once, new ones together', (t) => {
  const desk = new Desk(1, 2, 3);
  desk.note(desk.gossip.linkDown(link(3), 'died', desk.nowMs));
  t.deepEqual(desk.sent(), ['1: adjacency of 0 at 5', '2: adjacency of 0 at 5']);
  desk.pass(1000);
  desk.note(desk.gossip.linkUp(link(4), desk.nowMs));
  desk.note(desk.gossip.linkUp(link(5), desk.nowMs + 50));
  t.deepEqual(desk.sent(), ['4: summary', '5: summary']);
  desk.pass(GOSSIP_DEFAULTS.batchMs + 20);
  t.deepEqual(
    desk.sent(),
    [1, 2, 4, 5].map((n) => `${n}: adjacency of 0 at 5`),
  );
});

test('who hears of a death tells all others at once, of other changes a little later', (t) => {
  for (const died of [[{ node: at(2), epoch: 1, counter: 7 }], []]) {
    const urgent = died.length > 0;
    const desk = new Desk(1, 2, 3, 4, 5);
    // All stand as near to 9 as this node does.
    desk.hear(1, adjacency(1, 7, [0, 2, 3, 4, 5, 9]), adjacency(9, 7, [1]));
    for (const node of [2, 3, 4, 5]) desk.hear(node, adjacency(node, 7, [0, 1]));
    desk.pass(1000);
    desk.sent();
    desk.hear(1, adjacency(9, 8, [1, 8], { died }));
    desk.pass(20);
    t.is(desk.sent().length, urgent ? 4 : 0);
    desk.hear(2, adjacency(9, 8, [1, 8], { died }));
    desk.pass(100);
    t.is(desk.sent().length, urgent ? 0 : 3);
  }
});

/** Node 9 with three neighbours, all of them the desk's. */
function around9(): Desk {
  const desk = new Desk(1, 2, 3, 4);
  for (const node of [1, 2, 3]) desk.hear(node, adjacency(node, 7, [0, 9]));
  desk.hear(1, adjacency(9, 7, [1, 2, 3]));
  desk.pass(1000);
  desk.sent();
  return desk;
}
const DEATH_OF_9 = { died: [{ node: at(9), epoch: 1, counter: 7 }] };

test('whom two of three neighbours saw die is gone, and the third witness can wait', (t) => {
  const desk = around9();
  desk.hear(1, adjacency(1, 8, [0], DEATH_OF_9));
  desk.pass(20);
  t.true(desk.reachability.has(at(9)));
  t.is(desk.sent().length, 3);
  desk.hear(2, adjacency(2, 8, [0], DEATH_OF_9));
  t.false(desk.reachability.has(at(9)));
  desk.pass(20);
  t.is(desk.sent().length, 3);
  desk.hear(3, adjacency(3, 8, [0], DEATH_OF_9));
  desk.pass(20);
  t.deepEqual(desk.sent(), []);
  desk.pass(1000);
  t.is(desk.sent().length, 3);
});

test('who is said to be dead and says something is there again, and all hear of it at once', (t) => {
  const desk = around9();
  for (const node of [1, 2]) desk.hear(node, adjacency(node, 8, [0], DEATH_OF_9));
  desk.pass(1000);
  desk.sent();
  desk.hear(3, adjacency(9, 8, [1, 2, 3]));
  t.true(desk.reachability.has(at(9)));
  desk.pass(20);
  t.is(desk.sent().length, 3);
});

test('a neighbour that died is named, with the last that it had said, for a second', (t) => {
  const desk = new Desk(1, 2, 3);
  const died = () => desk.table.get(at(0))?.adjacency?.record.died;
  desk.hear(3, adjacency(3, 9, [0]));
  desk.note(desk.gossip.linkDown(link(3), 'died', desk.nowMs));
  t.deepEqual(died(), [{ node: at(3), epoch: 1, counter: 9 }]);
  desk.pass(2000);
  desk.note(desk.gossip.linkDown(link(2), 'died', desk.nowMs));
  t.deepEqual(
    died()?.map(({ node }) => node),
    [at(2)],
  );
});

test('a node that is said to be dead says something, but not more than ten times a second', (t) => {
  const desk = new Desk(1, 2);
  const ours = () => desk.table.get(at(0))!.adjacency!.record;
  const first = ours().counter;
  for (let counter = 2; counter < 52; counter += 1) {
    const { epoch, counter: last } = ours();
    desk.hear(1, adjacency(1, counter, [0], { died: [{ node: at(0), epoch, counter: last }] }));
    desk.pass(10);
  }
  t.true(ours().counter - first >= 4 && ours().counter - first <= 7, `${ours().counter - first}`);
  desk.hear(2, adjacency(2, 2, [0], { died: [{ node: at(0), epoch: 1, counter: 1 }] }));
  const last = ours();
  desk.pass(1000);
  t.is(ours(), last);
});

test('news of a link between those whom everybody reaches wait longer than those of somebody new', (t) => {
  for (const [neighbour, waits] of [
    [3, true],
    [8, false],
  ] as const) {
    const desk = new Desk(1, 2, 3);
    desk.hear(1, adjacency(1, 7, [0, 2]));
    desk.pass(1000);
    desk.sent();
    desk.hear(1, adjacency(1, 8, [0, 2, neighbour]));
    desk.pass(100);
    t.is(desk.sent().length, waits ? 0 : 2);
    desk.pass(600);
    t.is(desk.sent().length, waits ? 2 : 0);
  }
});

test('a link to spare is published later than one to somebody new, or where there are few', (t) => {
  const neighbours = [1, 2, 3, 4];
  for (const [known, links, spare] of [
    [true, neighbours, true],
    [false, neighbours, false],
    [true, neighbours.slice(1), false],
  ] as const) {
    const desk = new Desk(...links);
    if (known) desk.hear(2, adjacency(2, 7, [0, 9]), adjacency(9, 7, [2]));
    desk.pass(1000);
    desk.sent();
    desk.note(desk.gossip.linkUp(link(9), desk.nowMs));
    const published = () => desk.sent().filter((what) => what.includes('adjacency of 0 ')).length;
    desk.pass(GOSSIP_DEFAULTS.batchMs + 20);
    t.is(published(), spare ? 0 : links.length + 1);
    desk.pass(GOSSIP_DEFAULTS.spareMs);
    t.is(published(), spare ? links.length + 1 : 0);
  }
});

test('what is said in our name is refuted with a higher epoch, at once', (t) => {
  const claims: readonly [string, SealedRecord, number][] = [
    ['a later counter', adjacency(0, 99, [], { epoch: 5 }), 6],
    ['a later epoch', adjacency(0, 1, [], { epoch: 70 }), 71],
    ['that we left', adjacency(0, 99, [], { epoch: 8, left: true }), 9],
  ];
  for (const [what, claim, epoch] of claims) {
    const desk = new Desk(1, 2);
    desk.hear(1, claim);
    desk.pass(20);
    t.deepEqual(desk.sent(), [`1: adjacency of 0 at ${epoch}`, `2: adjacency of 0 at ${epoch}`], what);
    t.true(
      desk.effects.some((effect) => effect.kind === 'epoch' && effect.epoch === epoch),
      what,
    );
    t.deepEqual(desk.table.get(at(0))?.adjacency?.record.neighbours, [at(1), at(2)], what);
  }
});

test('our own records that come back are no claims, nor are old ones', (t) => {
  const desk = new Desk(1);
  desk.hear(1, desk.table.record(at(0), 'adjacency')!, adjacency(0, 1000, [], { epoch: 4 }));
  desk.pass(5000);
  t.deepEqual(desk.sent(), []);
});

test('a digest that knows more of us than we do is refuted as well', (t) => {
  const desk = new Desk(1);
  desk.say(1, {
    kind: 'digest',
    mask: 0xffffffff,
    entries: [{ origin: at(0), kind: 'adjacency', epoch: 9, counter: 1, hash: 1 }],
  });
  desk.pass(20);
  t.true(desk.sent().includes('1: adjacency of 0 at 10'));
});

test('two daemons with one endpoint do not shout each other down', (t) => {
  const desk = new Desk(1);
  for (let second = 0; second < 60; second += 1) {
    for (let i = 0; i < 10; i += 1) {
      desk.hear(1, adjacency(0, 1, [], { epoch: desk.publisher.epoch + 1 }));
      desk.pass(100);
    }
  }
  // Of ten claims a second three are answered.
  t.true(desk.sent().length < 210);
});

test('who has lost its memory is shown what we have of it', (t) => {
  const desk = new Desk(1, 2);
  desk.hear(1, adjacency(1, 3, [0], { epoch: 7 }));
  desk.pass(100);
  desk.sent();
  desk.hear(1, adjacency(1, 1, [0], { epoch: 1 }));
  desk.pass(50);
  t.deepEqual(desk.sent(), ['1: adjacency of 1 at 7']);
});

test('tables that differ for two seconds are compared, those that differ for a moment are not', (t) => {
  const desk = new Desk(1);
  const other = desk.gossip.tableHash() + 1;
  desk.note(desk.gossip.heardHash(1, other, desk.nowMs));
  desk.pass(1000);
  desk.note(desk.gossip.heardHash(1, desk.gossip.tableHash(), desk.nowMs));
  desk.pass(1500);
  desk.note(desk.gossip.heardHash(1, other, desk.nowMs));
  t.deepEqual(desk.sent(), []);
  desk.pass(2100);
  desk.note(desk.gossip.heardHash(1, other, desk.nowMs));
  t.deepEqual(desk.sent(), ['1: summary']);
});

test('tables that stay different are compared ever more rarely', (t) => {
  const desk = new Desk(1);
  for (let i = 0; i < 300; i += 1) {
    desk.note(desk.gossip.heardHash(1, desk.gossip.tableHash() + 1, desk.nowMs));
    desk.pass(1000);
  }
  t.true(desk.sent().length < 16);
});

test('who cannot be reached takes no part in comparisons, and is forgotten after a day', (t) => {
  const desk = new Desk(1);
  const before = desk.gossip.tableHash();
  desk.hear(1, adjacency(9, 1, [8]));
  t.is(desk.gossip.tableHash(), before);
  desk.pass(GOSSIP_DEFAULTS.keepDeadMs - 1000);
  t.truthy(desk.table.get(at(9)));
  desk.pass(2000);
  t.is(desk.table.get(at(9)), undefined);
  t.true(desk.effects.some((effect) => effect.kind === 'members' && effect.dropped.includes(at(9))));
});

test('an advert goes along the tree and to one more', (t) => {
  const desk = new Desk(1, 2, 3, 4);
  // 0 - 1 - 9, and 2, 3, 4 hang on 0: for what 9 says, we are the parent of 2, 3 and 4.
  desk.hear(1, adjacency(1, 2, [0, 9]), adjacency(9, 1, [1]));
  desk.pass(100);
  desk.sent();
  const advert = sealRecord({
    kind: 'advert',
    origin: at(9),
    epoch: 1,
    counter: 2,
    vips: new Map([[at(70), new Set([at(9)])]]),
  });
  desk.hear(1, advert);
  desk.pass(50);
  t.deepEqual(
    desk.sent(),
    [2, 3, 4].map((n) => `${n}: advert of 9 at 1`),
  );
  t.true(desk.effects.some((effect) => effect.kind === 'advert' && effect.origin === at(9)));
});

test('who comes, is lost and leaves is told once each', (t) => {
  const desk = new Desk(1);
  desk.hear(1, adjacency(9, 1, [1]));
  desk.hear(1, adjacency(1, 2, [0, 9]));
  desk.pass(50);
  desk.hear(1, adjacency(1, 3, [0]));
  desk.pass(50);
  desk.hear(1, adjacency(1, 4, [0, 9]));
  desk.pass(50);
  desk.hear(1, adjacency(9, 2, [], { left: true }));
  desk.pass(50);
  const told = desk.effects.flatMap((effect) =>
    effect.kind === 'members'
      ? [
          ...effect.found.map((m) => `found ${nodeOf(m)}`),
          ...effect.lost.map((m) => `lost ${nodeOf(m)}`),
          ...effect.left.map((m) => `left ${nodeOf(m)}`),
        ]
      : [],
  );
  t.deepEqual(told, ['found 9', 'lost 9', 'found 9', 'left 9']);
});

test('two nodes of one name are told of, and both stay', (t) => {
  const desk = new Desk(1, 2);
  desk.hear(1, adjacency(1, 2, [0], { name: 'twin' }));
  desk.hear(2, adjacency(2, 2, [0], { name: 'twin' }));
  desk.pass(100);
  const logs = desk.effects.filter((effect) => effect.kind === 'log');
  t.deepEqual(
    logs.map(({ event }) => event),
    ['duplicate-node-name'],
  );
  t.true(desk.reachability.has(at(1)) && desk.reachability.has(at(2)));
});

test('who has left is at rest', (t) => {
  const desk = new Desk(1, 2);
  desk.note(desk.gossip.leave(desk.nowMs));
  t.deepEqual(desk.sent(), ['1: adjacency of 0 at 5', '2: adjacency of 0 at 5']);
  for (const node of [1, 2]) desk.note(desk.gossip.linkDown(link(node), 'disconnected', desk.nowMs));
  desk.pass(60_000);
  t.is(desk.gossip.nextTickMs(), undefined);
  t.false(desk.effects.some(({ kind }) => kind === 'members'));
});
