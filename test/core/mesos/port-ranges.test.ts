import test from 'ava';
import { portAt, readPortRanges } from '../../../src/core/mesos/port-ranges.js';

for (const [says, resources, ports] of [
  ['one range', { ports: '[31000-31002]' }, [31000, 31001, 31002]],
  ['ranges out of order', { ports: '[5-5, 1-2]' }, [1, 2, 5]],
  ['ranges that overlap count once', { ports: '[1-3, 2-4, 1-1]' }, [1, 2, 3, 4]],
  ['a range backwards is empty', { ports: '[2-1, 7-7]' }, [7]],
  ['no ports', { ports: '[]' }, []],
  ['ports absent', { cpus: 1 }, []],
  ['ports null', { ports: null }, []],
  ['resources absent', undefined, []],
  ['an object of ranges', { ports: { range: [{ begin: 8, end: 9 }] } }, [8, 9]],
  ['typed resources', [{ name: 'cpus' }, { name: 'ports', ranges: { range: [{ begin: 3, end: 3 }] } }], [3]],
  [
    'several roles',
    [
      { name: 'ports', ranges: { range: [{ begin: 3, end: 3 }] } },
      { name: 'ports', ranges: { range: [{ begin: 1, end: 1 }] } },
    ],
    [1, 3],
  ],
  ['not a list of ranges', { ports: '31000-31001' }, undefined],
  ['words', { ports: '[a-b]' }, undefined],
  ['a number', { ports: 31000 }, undefined],
  ['half a range', { ports: [{ begin: 4 }] }, undefined],
] as const) {
  test(`${says}: ${JSON.stringify(resources)}`, (t) => {
    const ranges = readPortRanges(resources);
    t.deepEqual(
      ranges === undefined ? undefined : [0, 1, 2, 3, 4].flatMap((i) => portAt(ranges, i) ?? []),
      ports as number[] | undefined,
    );
  });
}

test('a huge range costs nothing', (t) => {
  t.is(portAt(readPortRanges({ ports: '[1-999999999999]' }) ?? [], 70_000), 70_001);
});
