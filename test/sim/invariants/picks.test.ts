import test from 'ava';
import type { BackendStatus } from '../../../src/core/status.js';
import { judgePick, type PickFaults } from '../../../src/sim/invariants/picks.js';
import { backend } from './scene.js';

interface Look {
  readonly pending?: number;
  readonly ewmaMs?: number;
  readonly class?: 0 | 1 | 2;
}

/** Backends by number from 0 on; what is not said is idle, measured at 2 ms and of the best class. */
function backends(...looks: readonly Look[]): readonly BackendStatus[] {
  return looks.map(({ pending = 0, ewmaMs = 2, class: rank = 0 }, number) => ({
    backend: backend(number),
    pending,
    successes: 0,
    failures: 0,
    consecutiveFailures: rank === 2 ? 5 : 0,
    available: rank < 2,
    reachable: rank === 0,
    ewmaMs,
    recent: { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 },
  }));
}

const many = (count: number, look: Look): readonly Look[] => Array.from({ length: count }, () => look);

const rows: readonly [
  sentence: string,
  before: readonly BackendStatus[],
  chosen: number,
  draws: number,
  fault: keyof PickFaults | undefined,
][] = [
  ['the only one', backends({}), 0, 1, undefined],
  ['one that is not there', backends({}), 7, 1, 'snapshot'],
  ['the cheaper of two', backends({ pending: 3 }, {}), 1, 2, undefined],
  ['the dearer of two', backends({ pending: 3 }, {}), 0, 2, 'cheaper'],
  ['either of two that differ by a tenth', backends({ ewmaMs: 2.2 }, {}), 0, 2, undefined],
  ['either of two below a millisecond', backends({ ewmaMs: 0.9 }, { ewmaMs: 0.1 }), 0, 2, undefined],
  [
    'the second dearest of three, drawn with the dearest',
    backends({ pending: 3 }, { pending: 1 }, {}),
    1,
    2,
    undefined,
  ],
  ['a dear one of the best class', backends({ pending: 9 }, { class: 1 }), 0, 1, undefined],
  ['a cheap one of a worse class', backends({ pending: 9 }, { class: 1 }), 1, 1, 'bucket'],
  ['one of the rest, where nothing else is', backends({ class: 2 }, { class: 2 }), 0, 2, undefined],
  ['one after three draws among three', backends({}, {}, {}), 0, 3, 'looks'],
  ['one of many after two draws', backends(...many(12, {})), 0, 2, undefined],
  ['one of many after 20 draws', backends({}, ...many(29, { class: 2 })), 0, 20, undefined],
  ['one of many after 21 draws', backends(...many(30, {})), 0, 21, 'looks'],
  [
    'one of the rest after 20 draws that can have missed the good ones',
    backends(...many(10, {}), ...many(20, { class: 2 })),
    29,
    20,
    undefined,
  ],
  [
    'one of the rest after 20 draws that must have met a good one',
    backends(...many(12, {}), ...many(19, { class: 2 })),
    30,
    20,
    'bucket',
  ],
  ['one of the rest of many after two draws', backends(...many(12, { class: 2 })), 0, 2, 'bucket'],
  ['the dearest of many after two draws', backends({ pending: 5 }, ...many(11, {})), 0, 2, 'cheaper'],
];

for (const [sentence, before, chosen, draws, fault] of rows) {
  test(`picking ${sentence} is ${fault === undefined ? 'right' : `wrong: ${fault}`}`, (t) => {
    t.deepEqual(Object.keys(judgePick({ before, chosen: backend(chosen), draws })), fault ? [fault] : []);
  });
}
