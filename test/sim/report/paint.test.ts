import test from 'ava';

interface Line {
  readonly kind: string;
  readonly text: string;
}
interface Paint {
  paintLanes(
    context: unknown,
    palette: unknown,
    run: unknown,
    view: unknown,
    scroll: number,
    width: number,
    height: number,
  ): number;
  describe(run: unknown, view: unknown, lane: unknown, atMs: number, width: number): readonly Line[];
}

const page = '../../../../../src/sim/report/page/';
const { paintLanes, describe } = (await import(new URL(`${page}paint.js`, import.meta.url).href)) as Paint;
const { layOut } = (await import(new URL(`${page}model.js`, import.meta.url).href)) as {
  layOut(data: unknown, endMs: number, wanted: string): { lanes: { name: string }[]; height: number };
};

/** A canvas that remembers in which colour it was filled how often, and its texts. */
function canvas(): { context: object; fills: Map<string, number>; texts: string[] } {
  const fills = new Map<string, number>();
  const texts: string[] = [];
  const context = {
    fillStyle: '',
    fillRect() {
      fills.set(this.fillStyle, (fills.get(this.fillStyle) ?? 0) + 1);
    },
    fillText: (text: string) => texts.push(text),
    measureText: (text: string) => ({ width: text.length * 6 }),
  };
  const nothing = () => undefined;
  for (const name of ['save', 'restore', 'beginPath', 'closePath', 'rect', 'roundRect', 'clip', 'fill']) {
    Object.assign(context, { [name]: nothing });
  }
  for (const name of ['stroke', 'moveTo', 'lineTo', 'strokeRect'])
    Object.assign(context, { [name]: nothing });
  return { context, fills, texts };
}

const colour = (name: string): [string, string] => [name, name];
const NAMES = ['ok', 'slow', 'failed', 'ready', 'down', 'violation', 'fault-text', 'stripe', 'line', 'text'];
const palette = Object.fromEntries(NAMES.map(colour));

const fault = { kind: 'panic', text: 'panic n2', fromMs: 2_000, toMs: 6_000, hosts: ['n2'] };
const data = {
  bucketMs: 100,
  lanes: [
    {
      name: 'n1',
      states: [
        [10, 'started'],
        [900, 'ready'],
      ],
      cells: [12, 3, 1, 0],
      notes: [],
    },
    {
      name: 'n2',
      states: [[20, 'killed']],
      cells: [30, 0, 0, 2],
      notes: [{ atMs: 3_040, text: 'rules-restored: x' }],
    },
  ],
  faults: [fault],
  violations: [{ atMs: 3_050, invariant: 'one-verdict', host: 'n2', what: 'none in time' }],
  failures: [
    {
      host: 'n2',
      beganMs: 3_050,
      endedMs: 3_060,
      why: 'refused',
      client: '10.99.0.2:1',
      vip: '10.1.2.3:5000',
      syns: 1,
    },
  ],
};
const run = { data, endMs: 10_000, layout: layOut(data, 10_000, 'all') };
const whole = { from: 0, to: 10_000 };

test('lanes show connections, states, faults and violations, each in its colour', (t) => {
  const { context, fills, texts } = canvas();
  t.is(paintLanes(context, palette, run, whole, 0, 1_200, 400), 2);
  const counted = ['ok', 'slow', 'failed', 'ready', 'down', 'violation'].map((name) => fills.get(name));
  // Slow is also the colour of a daemon that starts; a violation has a line over all and one on its lane.
  t.deepEqual(counted, [1, 2, 1, 1, 1, 2]);
  t.deepEqual(texts, ['n1', 'panic n2', 'n2']);
});

test('what is not in sight is not drawn', (t) => {
  const { context, texts } = canvas();
  t.is(paintLanes(context, palette, run, { from: 7_000, to: 9_000 }, 30, 1_200, 400), 1);
  t.deepEqual(texts, ['n2']);
});

test('the pointer is told everything that happened there', (t) => {
  const n2 = run.layout.lanes[1];
  t.deepEqual(
    describe(run, whole, n2, 3_060, 1_200).map(({ kind, text }) => `${kind}: ${text}`),
    [
      'title: n2 at 3.060 s',
      'violation: one-verdict: none in time',
      'fault: panic n2 (2.00 to 6.00 s)',
      'state: daemon: killed',
      'counts: connections begun 3.0 to 3.1 s: 0 fine, 0 slow, 2 failed',
      'failed: refused: 10.99.0.2:1 to 10.1.2.3:5000, 1 SYN',
      'note: rules-restored: x',
    ],
  );
});
