import test from 'ava';
import { benchDetection, describeDetection, SMALL } from '../../bench/detection.js';
import { completeAtMs, detectionMs, falseDeaths, MeshLog, spread } from '../../bench/mesh-log.js';
import { serialKernelTest } from '../support/prerequisites.js';

const text = (event: string, node: string, time: number) => JSON.stringify({ level: 30, time, event, node });

const lines = [
  '(node:1) Warning: something of Node itself',
  text('ready', 'n1', 5),
  text('node-reachable', 'n2', 10),
  text('node-reachable', 'n3', 20),
  text('node-unreachable', 'n2', 30),
  text('node-reachable', 'n2', 40),
  text('node-unreachable', 'n3', 50),
];

test('a log: who could be reached when', (t) => {
  const growing = lines.slice(0, 4);
  const log = new MeshLog(growing);
  t.is(completeAtMs(log.lines, 2), 20);
  growing.push(lines[4]!);
  t.is(completeAtMs(log.lines, 2), undefined);
  growing.push(lines[5]!);
  t.is(completeAtMs(log.lines, 2), 40);
  growing.push(lines[6]!);
  t.deepEqual(detectionMs(log.lines, ['n3', 'n2'], 45), [5, undefined]);
  t.deepEqual(
    falseDeaths(log.lines, ['n3'], 0).map(({ node }) => node),
    ['n2'],
  );
  t.deepEqual(falseDeaths(log.lines, ['n3'], 31), []);
});

const spreads: readonly { readonly of: readonly number[]; readonly is: readonly (number | undefined)[] }[] = [
  { of: [], is: [undefined, undefined, undefined, undefined] },
  { of: [7], is: [7, 7, 7, 7] },
  { of: [3, 1, 2], is: [1, 2, 3, 3] },
  { of: Array.from({ length: 100 }, (_, n) => 100 - n), is: [1, 50, 95, 100] },
];

for (const { of, is } of spreads) {
  test(`first, median, p95 and last of ${of.length} values`, (t) => {
    const { first, median, p95, last } = spread(of);
    t.deepEqual([first, median, p95, last], is);
  });
}

serialKernelTest('a mesh of five daemons knows who failed, in silence or not', async (t) => {
  const result = await benchDetection({ ...SMALL, say: (line) => t.log(line) });
  t.is(result.runs.length, SMALL.faults.length);
  for (const { detectedMs, quiet, formedMs } of result.runs) {
    t.is(detectedMs.length, (SMALL.nodes - SMALL.dead) * SMALL.dead);
    // What is asked holds on a quiet machine; this one also runs the other tests.
    for (const ms of detectedMs) t.true(ms !== null && ms > 0 && ms < 10_000, `${ms}`);
    t.true(formedMs > 0);
    t.true(quiet!.sentBytesPerSecond > 0 && quiet!.rssMegabytes > 10);
  }
  t.regex(describeDetection(result), /^Minuteman +drop +\d+ +\d+ +\d+ +\d+$/m);
});
