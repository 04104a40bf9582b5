import test from 'ava';
import { LinkBook, type Purpose } from '../../../src/core/cluster/link-book.js';
import type { MeshLink } from '../../../src/core/cluster/peer.js';
import { emptyView } from '../../../src/core/cluster/view.js';
import { Town } from './town/town.js';

const at = Town.endpointOf;
const ANSWER_MS = 2000;

/** Link `id` to node `id`, or to another one. */
function link(id: number, node = id): MeshLink {
  return { id, peer: { endpoint: at(node), name: `n${node}`, instance: 1 }, dialled: true };
}

interface Case {
  readonly link: string;
  /** What happens at 100 ms to link 1, which node 1 opened then. */
  readonly asked?: Purpose;
  readonly answered?: boolean;
  readonly neighbour?: MeshLink;
  readonly idle: boolean;
  /** What is overdue 2 s later. */
  readonly overdue: 'unanswered' | 'idle' | 'nothing';
}

const cases: readonly Case[] = [
  { link: 'on which nothing was said', idle: true, overdue: 'idle' },
  { link: 'on which we asked', asked: 'low', idle: false, overdue: 'unanswered' },
  { link: 'on which we asked and were answered', asked: 'low', answered: true, idle: true, overdue: 'idle' },
  { link: "that is the neighbour's", neighbour: link(1), idle: false, overdue: 'nothing' },
  {
    link: "that became the neighbour's upon our request",
    asked: 'join',
    answered: true,
    neighbour: link(1),
    idle: false,
    overdue: 'nothing',
  },
  { link: 'whose peer is a neighbour by another link', neighbour: link(2, 1), idle: true, overdue: 'idle' },
];

for (const { link: what, asked, answered, neighbour, idle, overdue } of cases) {
  test(`a link ${what} is ${idle ? '' : 'not '}idle, and ${overdue} when its time is up`, (t) => {
    const view = emptyView();
    const book = new LinkBook(view, ANSWER_MS);
    book.open(link(1), 100);
    if (asked !== undefined) book.ask(1, asked);
    if (answered === true) t.is(book.answered(1), asked);
    if (neighbour !== undefined) view.active.set(at(1), { link: neighbour, sinceMs: 100 });
    t.is(book.isIdle(1), idle);
    const dueMs = overdue === 'nothing' ? Number.POSITIVE_INFINITY : 100 + ANSWER_MS;
    t.is(book.nextMs(), dueMs);
    for (const [nowMs, over] of [
      [2099, 'nothing'],
      [2100, overdue],
    ] as const) {
      const ids = (links: readonly MeshLink[]): number[] => links.map(({ id }) => id);
      t.deepEqual(ids(book.unanswered(nowMs)), over === 'unanswered' ? [1] : [], `at ${nowMs}`);
      t.deepEqual(ids(book.idle(nowMs)), over === 'idle' ? [1] : [], `at ${nowMs}`);
    }
  });
}

test('a request is known by its link and by its peer, until it is answered or its link ends', (t) => {
  const book = new LinkBook(emptyView(), ANSWER_MS);
  for (const opened of [link(1), link(2), link(3, 2), link(4)]) book.open(opened, 0);
  book.ask(1, 'low');
  book.ask(2, 'high');
  book.ask(3, 'join');
  t.deepEqual(book.asked(), [
    { id: 1, purpose: 'low' },
    { id: 2, purpose: 'high' },
    { id: 3, purpose: 'join' },
  ]);
  t.deepEqual(
    book.asked(at(2)).map(({ id }) => id),
    [2, 3],
  );
  t.is(book.answered(2), 'high');
  t.is(book.answered(2), undefined);
  t.true(book.delete(3));
  t.false(book.delete(3));
  t.deepEqual(book.asked(), [{ id: 1, purpose: 'low' }]);
  t.is(book.answered(9), undefined);
});

test('we are in touch with whom we dial, with whom a link is open, and with neighbours', (t) => {
  const view = emptyView();
  const book = new LinkBook(view, ANSWER_MS);
  book.dial(at(1), 'walk');
  book.open(link(2), 0);
  view.active.set(at(3), { link: link(3), sinceMs: 0 });
  t.deepEqual(
    [1, 2, 3, 4].map((node) => book.inTouch(at(node))),
    [true, true, true, false],
  );
  t.is(book.dials, 1);
  t.is(book.dialled(at(1)), 'walk');
  t.is(book.dialled(at(1)), undefined);
  t.is(book.dials, 0);
  book.delete(2);
  t.deepEqual(
    [1, 2].map((node) => book.inTouch(at(node))),
    [false, false],
  );
});
