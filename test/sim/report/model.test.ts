import test from 'ava';

interface View {
  readonly from: number;
  readonly to: number;
}
interface Model {
  layOut(data: unknown, endMs: number, wanted: string): { lanes: { name: string; faultRows: number }[] };
  columnsOf(cells: readonly number[], bucketMs: number, view: View, width: number): unknown[];
  totalCells(lanes: readonly { cells: readonly number[] }[]): number[];
  stateAt(lane: { states: readonly (readonly [number, string])[] }, atMs: number): string;
  ticksOf(from: number, to: number, count: number): { atMs: number; text: string }[];
  clampView(view: View, endMs: number): View;
  zoomed(view: View, factor: number, aroundMs: number, endMs: number): View;
}

// The page's script is plain JavaScript beside the sources: nothing builds it.
const { columnsOf, totalCells, stateAt, ticksOf, clampView, zoomed, layOut } = (await import(
  new URL('../../../../../src/sim/report/page/model.js', import.meta.url).href
)) as Model;

test('buckets that are wide enough are columns of their own', (t) => {
  const cells = [0, 1, 0, 0, 2, 3, 1, 2];
  t.deepEqual(columnsOf(cells, 100, { from: 0, to: 1_000 }, 1_000), [
    { fromMs: 0, toMs: 100, ok: 1, slow: 0, failed: 0 },
    { fromMs: 200, toMs: 300, ok: 3, slow: 1, failed: 2 },
  ]);
});

test('buckets that are too narrow are added up, and none is lost', (t) => {
  const cells = Array.from({ length: 600 }, (_, bucket) => [bucket, 1, 0, bucket % 2]).flat();
  const columns = columnsOf(cells, 100, { from: 0, to: 60_000 }, 300) as { ok: number; failed: number }[];
  t.is(columns.length, 100);
  t.is(
    columns.reduce((sum, { ok }) => sum + ok, 0),
    600,
  );
  t.is(
    columns.reduce((sum, { failed }) => sum + failed, 0),
    300,
  );
});

test('columns outside of the view are left out', (t) => {
  const cells = [0, 1, 0, 0, 50, 1, 0, 0, 99, 1, 0, 0];
  t.deepEqual(columnsOf(cells, 100, { from: 4_000, to: 6_000 }, 1_000), [
    { fromMs: 5_000, toMs: 5_100, ok: 1, slow: 0, failed: 0 },
  ]);
});

test('the total is the sum over lanes, in order of time', (t) => {
  t.deepEqual(
    totalCells([{ cells: [3, 1, 0, 0, 9, 1, 1, 1] }, { cells: [1, 5, 0, 0, 3, 1, 2, 0] }]),
    [1, 5, 0, 0, 3, 2, 2, 0, 9, 1, 1, 1],
  );
});

test('the state of a daemon is the last one it came to', (t) => {
  const lane = {
    states: [
      [10, 'started'],
      [500, 'ready'],
      [900, 'killed'],
    ] as const,
  };
  t.deepEqual(
    [0, 10, 499, 500, 5_000].map((atMs) => stateAt(lane, atMs)),
    ['not started', 'started', 'started', 'ready', 'killed'],
  );
});

for (const { from, to, texts } of [
  { from: 0, to: 60_000, texts: ['0 s', '10 s', '20 s', '30 s', '40 s', '50 s', '60 s'] },
  { from: 12_500, to: 13_000, texts: ['12.5 s', '12.6 s', '12.7 s', '12.8 s', '12.9 s', '13.0 s'] },
  { from: 0, to: 20, texts: ['0.000 s', '0.005 s', '0.010 s', '0.015 s', '0.020 s'] },
]) {
  test(`ticks from ${from} to ${to} ms are round and written so`, (t) => {
    t.deepEqual(
      ticksOf(from, to, 6).map(({ text }) => text),
      texts,
    );
  });
}

test('the view stays within the run', (t) => {
  t.deepEqual(clampView({ from: -500, to: 500 }, 60_000), { from: 0, to: 1_000 });
  t.deepEqual(clampView({ from: 59_500, to: 60_500 }, 60_000), { from: 59_000, to: 60_000 });
  t.deepEqual(clampView({ from: -1e6, to: 1e6 }, 60_000), { from: 0, to: 60_000 });
});

test('zooming keeps the instant under the pointer where it is', (t) => {
  const view = zoomed({ from: 10_000, to: 20_000 }, 0.5, 12_000, 60_000);
  t.deepEqual(view, { from: 11_000, to: 16_000 });
});

const fault = (fromMs: number, toMs: number, hosts: readonly string[], elsewhere?: string) => ({
  fromMs,
  toMs,
  hosts,
  elsewhere,
});
const lane = (name: string, cells: readonly number[] = []) => ({ name, cells, states: [], notes: [] });

test('faults that overlap get rows of their own; what happens to the world at large has a lane', (t) => {
  const data = {
    lanes: [lane('n1'), lane('n2')],
    violations: [],
    faults: [
      fault(0, 10_000, ['n1']),
      fault(5_000, 20_000, ['n1']),
      fault(15_000, 20_000, ['n1'], 'network'),
    ],
  };
  t.deepEqual(
    layOut(data, 60_000, 'all').lanes.map(({ name, faultRows }) => [name, faultRows]),
    [
      ['network', 1],
      ['n1', 2],
      ['n2', 0],
    ],
  );
});

test('nodes without faults, failures and violations can be left out', (t) => {
  const data = {
    lanes: [lane('n1'), lane('n2', [1, 5, 1, 0]), lane('n3', [1, 5, 0, 1]), lane('n4'), lane('n5')],
    violations: [{ host: 'n4' }],
    faults: [fault(0, 0, ['n5'])],
  };
  t.deepEqual(
    layOut(data, 60_000, 'busy').lanes.map(({ name }) => name),
    ['n3', 'n4', 'n5'],
  );
});
