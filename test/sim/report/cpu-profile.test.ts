import test from 'ava';
import { CpuProfile, sharesOf } from '../../../src/sim/report/cpu-profile.js';

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, scriptId: '1', url, lineNumber: 0, columnNumber: 0 },
  children,
});

test('time belongs to the part whose code ran, and what is built in to its caller', (t) => {
  const shares = sharesOf({
    nodes: [
      node(1, '(root)', '', [2, 5, 6, 7]),
      node(2, 'step', 'file:///x/build/js/src/actors/node.js', [3, 4]),
      node(3, 'sort', ''),
      node(4, 'receive', 'file:///x/build/js/src/sim/kernel/host-kernel.js'),
      node(5, '(garbage collector)', ''),
      node(6, '(idle)', ''),
      node(7, 'processImmediate', 'node:internal/timers'),
    ],
    startTime: 0,
    endTime: 100,
    samples: [2, 2, 3, 4, 5, 6, 7],
    timeDeltas: [5000, 10, 20, 40, 20, 900, 10],
  });
  t.deepEqual(shares, [
    { part: 'simulated kernels', share: 0.4 },
    { part: 'daemons', share: 0.3 },
    { part: 'garbage collection', share: 0.2 },
    { part: 'Node.js', share: 0.1 },
  ]);
});

test('a profile of this process adds up', (t) => {
  const profile = new CpuProfile();
  const untilMs = performance.now() + 100;
  let sum = 0;
  while (performance.now() < untilMs) sum += Math.sqrt(sum + 1);
  const total = profile.stop().reduce((all, { share }) => all + share, 0);
  t.true(Math.abs(total - 1) < 1e-9, `${total} ${sum}`);
});
