import test from 'ava';
import { endpoint } from '../../../src/core/endpoint.js';
import type { Happening } from '../../../src/sim/engine/journal.js';
import type { Plan } from '../../../src/sim/plan/plan.js';
import { planOf } from '../../../src/sim/plan/scenarios.js';
import { Timeline, type TimelineData } from '../../../src/sim/report/timeline.js';

const PLAN: Plan = {
  ...planOf({ scenario: 'steady', seed: 1, nodes: 2, durationMs: 10_000 }),
  faults: [
    { atMs: 1_000, durationMs: 4_000, fault: { kind: 'panic', host: 'n2', wiped: true } },
    { atMs: 9_000, durationMs: 500, fault: { kind: 'cut', a: 'n1', b: 'n2' } },
  ],
};
const client = endpoint(0x0a630001, 40_000);
const vip = endpoint(0x0a010203, 5_000);
const backend = endpoint(0x0a630002, 8_080);

type At = readonly [atMs: number, happening: Happening];
const began: At = [1_250, { kind: 'connecting', host: 'n1', id: 7, client, vip }];
const syn = (atMs: number, attempt: number): At => [atMs, { kind: 'syn', host: 'n1', id: 7, attempt }];
const connected = (atMs: number): At => [
  atMs,
  { kind: 'connected', host: 'n1', id: 7, tookMs: atMs - 1_250, backend },
];
const closed = (atMs: number, why: (Happening & { kind: 'closed' })['why']): At => [
  atMs,
  { kind: 'closed', host: 'n1', id: 7, why },
];

function told(story: readonly At[], endMs = 10_000, plan = PLAN): TimelineData {
  const timeline = new Timeline(plan);
  for (const [atMs, happening] of story) timeline.follow(happening, atMs);
  return timeline.data(endMs);
}

const rows: readonly { says: string; story: readonly At[]; cells: readonly number[] }[] = [
  { says: 'a connection that nobody answered yet counts nowhere', story: [began, syn(1_250, 0)], cells: [] },
  {
    says: 'a connection counts where it began',
    story: [began, connected(1_300), closed(1_400, 'done')],
    cells: [12, 1, 0, 0],
  },
  { says: 'one whose SYN was repeated is slow', story: [began, connected(2_251)], cells: [12, 0, 1, 0] },
  { says: 'a refused one failed', story: [began, closed(1_251, 'refused')], cells: [12, 0, 0, 1] },
  {
    says: 'one that was given up without an answer failed',
    story: [began, closed(8_250, 'abandoned')],
    cells: [12, 0, 0, 1],
  },
  {
    says: 'one that stood and was reset failed where that happened',
    story: [began, connected(1_251), closed(5_000, 'reset')],
    cells: [12, 1, 0, 0, 50, 0, 0, 1],
  },
  { says: 'the end of its host is no failure', story: [began, closed(1_300, 'host-ended')], cells: [] },
];

for (const { says, story, cells } of rows) {
  test(says, (t) => {
    t.deepEqual(told(story).lanes[0]!.cells, cells);
    t.deepEqual(told(story).lanes[1]!.cells, []);
  });
}

test('a failed connection is told in full', (t) => {
  t.deepEqual(told([began, syn(1_250, 0), syn(2_250, 1), closed(3_000, 'timeout')]).failures, [
    {
      id: 7,
      host: 'n1',
      beganMs: 1_250,
      endedMs: 3_000,
      client: '10.99.0.1:40000',
      vip: '10.1.2.3:5000',
      backend: undefined,
      syns: 2,
      why: 'timeout',
    },
  ]);
});

test('faults are told up to where the run came', (t) => {
  t.deepEqual(
    told([], 3_000).faults.map(({ fromMs, toMs, text }) => [fromMs, toMs, text]),
    [[1_000, 3_000, 'panic n2, wiped']],
  );
});

test('more than can be shown is counted', (t) => {
  const story: At[] = [];
  for (let id = 0; id < 2_500; id += 1) {
    story.push([1, { kind: 'connecting', host: 'n1', id, client, vip }]);
    story.push([2, { kind: 'closed', host: 'n1', id, why: 'refused' }]);
  }
  const { failures, omitted, counts } = told(story);
  t.deepEqual([failures.length, omitted.failures, counts.failed], [2_000, 500, 2_500]);
});

test('what others did to the kernel is noted, and what the daemon did is not', (t) => {
  const story: At[] = [
    [5, { kind: 'set', host: 'n1', name: 'minuteman', size: undefined, by: 'set-spoilt' }],
    [6, { kind: 'set', host: 'n1', name: 'minuteman', size: 4, by: 'daemon' }],
    [7, { kind: 'rules', host: 'n1', by: 'rules-flushed' }],
    [8, { kind: 'rules', host: 'n1', by: 'daemon' }],
  ];
  t.deepEqual(
    told(story).lanes[0]!.notes.map(({ text }) => text),
    ['set minuteman: no such set by set-spoilt', 'rules changed by rules-flushed'],
  );
});
