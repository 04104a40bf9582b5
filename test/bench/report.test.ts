import test from 'ava';
import { figures, isReached, median, medianOfPairs, quantile, table } from '../../bench/report.js';

for (const { of, values, expected } of [
  { of: 'nothing', values: [], expected: undefined },
  { of: 'one', values: [3], expected: 3 },
  { of: 'an odd number', values: [30, 1, 2], expected: 2 },
  { of: 'an even number', values: [10, 1, 2, 4], expected: 3 },
]) {
  test(`the median of ${of}`, (t) => {
    t.is(median(values), expected);
  });
}

for (const { share, of, is } of [
  { share: 0.5, of: 0, is: undefined },
  { share: 0, of: 4, is: 1 },
  { share: 0.5, of: 4, is: 2 },
  { share: 0.51, of: 4, is: 3 },
  { share: 0.99, of: 300, is: 297 },
  { share: 1, of: 4, is: 4 },
]) {
  test(`the value that a share of ${share} of 1 to ${of} does not exceed`, (t) => {
    const values = Array.from({ length: of }, (_, at) => at + 1);
    t.is(quantile(values, share), is);
  });
}

test('pairs are compared before the median is taken', (t) => {
  const ratio = (a: number, b: number) => a / b;
  t.is(medianOfPairs([10, 200, 30], [20, 100, 30], ratio), 1);
  t.is(medianOfPairs([10, 20], [], ratio), undefined);
});

test('a figure is reached on its bound, and neither reached nor missed when it was not measured', (t) => {
  const figure = { name: 'rate', asked: 0.8, unit: 'x direct' } as const;
  t.true(isReached({ ...figure, value: 0.8, bound: 'at least' }));
  t.false(isReached({ ...figure, value: 0.79, bound: 'at least' }));
  t.true(isReached({ ...figure, value: 0.8, bound: 'at most' }));
  t.false(isReached({ ...figure, value: 0.81, bound: 'at most' }));
  t.is(isReached({ ...figure, value: undefined, bound: 'at most' }), undefined);
});

test('figures are printed beside what is asked', (t) => {
  const printed = figures([
    { name: 'rate', value: 0.7, asked: 0.8, bound: 'at least', unit: 'x direct' },
    { name: 'delay', value: 4.4, asked: 5, bound: 'at most', unit: 'ms', digits: 1 },
    { name: 'errors', value: undefined, asked: 0, bound: 'at most', unit: 'errors' },
  ]);
  t.deepEqual(
    printed
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/)),
    [
      ['rate', '0.70 x direct', '>= 0.8 x direct', 'MISSED'],
      ['delay', '4.4 ms', '<= 5 ms', 'ok'],
      ['errors', '- errors', '<= 0 errors', 'not measured'],
    ],
  );
});

test('columns line up: names to the left, numbers to the right', (t) => {
  t.is(
    table(
      ['arm', 'rate'],
      [
        ['direct', '9'],
        ['nft', '1000'],
      ],
    ),
    'arm     rate\ndirect     9\nnft     1000',
  );
});
