import test from 'ava';
import { measure } from '../../bench/evaluation/measures.js';
import { NO_TRAFFIC, type Sighting, type TrialRecord } from '../../bench/evaluation/trial-record.js';

const KILLED_MS = 1_000;
const [seer, other, victim, second] = ['seer', 'other', 'victim', 'second'];

function trial(deaths: readonly Sighting[], returns: readonly Sighting[] = []): TrialRecord {
  const client = { requests: [], placements: [] };
  return {
    killedMs: KILLED_MS,
    goneMs: KILLED_MS,
    victims: [victim, second],
    survivors: [seer],
    open: client,
    closed: client,
    cuts: [],
    deaths,
    returns,
    traffic: { before: NO_TRAFFIC, after: NO_TRAFFIC },
    cpu: undefined,
  };
}

function knownMs(record: TrialRecord): number | undefined {
  return measure(record, 10_000, 2_000).measures.knownByAllMs;
}

const secondDies: Sighting = { atMs: 1_600, by: seer, of: second };

test('all is known when the last victim is taken for gone', (t) => {
  t.is(knownMs(trial([{ atMs: 1_700, by: seer, of: victim }, secondDies])), 700);
});

test('a victim that was taken for gone before the fault, and not found again, is known from the fault on', (t) => {
  t.is(knownMs(trial([{ atMs: -400, by: seer, of: victim }, secondDies])), 600);
});

test('a victim that was found again counts from when it was taken for gone anew', (t) => {
  const gone = { by: seer, of: victim };
  const back = [{ atMs: 800, ...gone }];
  t.is(knownMs(trial([{ atMs: 500, ...gone }, secondDies], back)), undefined);
  t.is(knownMs(trial([{ atMs: 500, ...gone }, secondDies, { atMs: 1_900, ...gone }], back)), 900);
});

test('a survivor that is taken for gone is a false death from the start of the workload on', (t) => {
  const deaths: readonly Sighting[] = [-5, 5, 1_500].map((atMs) => ({ atMs, by: seer, of: other }));
  const record = { ...trial(deaths), survivors: [seer, other] };
  t.is(measure(record, 10_000, 2_000).measures.falseDeaths, 2);
});

test('a request that began while the victims were still going was met half-way, and is none that failed', (t) => {
  const asked = (atMs: number) => ({ dueMs: atMs, atMs, tookMs: 5_000, answered: false, port: atMs });
  const open = { requests: [990, 1_010, 1_030].map(asked), placements: [] };
  const { failed, cutMidway } = measure({ ...trial([]), goneMs: 1_020, open }, 10_000, 2_000).measures;
  t.deepEqual({ failed, cutMidway }, { failed: 1, cutMidway: 2 });
});

test('latencies of the repair are of as many seconds as it may take', (t) => {
  const asked = [500, 1_500, 3_500, 4_500].map((atMs) => ({
    dueMs: atMs,
    atMs,
    tookMs: atMs,
    answered: true,
    port: atMs,
  }));
  const open = { requests: asked, placements: [] };
  const most = (repairMostMs: number) => {
    const { before, repair, after } = measure({ ...trial([]), open }, 10_000, repairMostMs).measures.latencies
      .open;
    return [before, repair, after].map(({ max }) => max);
  };
  t.deepEqual(most(2_000), [500, 1_500, 4_500]);
  t.deepEqual(most(3_000), [500, 3_500, 4_500]);
});
