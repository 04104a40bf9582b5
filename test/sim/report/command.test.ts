import test from 'ava';
import { planOf } from '../../../src/sim/plan/scenarios.js';
import { replayArguments } from '../../../src/sim/report/command.js';

const drawn = { scenario: 'everything', seed: 7, nodes: 12, durationMs: 90_500 } as const;

test('a plan as drawn is repeated by its seed', (t) => {
  t.is(
    replayArguments(planOf(drawn), 'x.json'),
    'sim --seed 7 --nodes 12 --duration 90.5 --scenario everything',
  );
});

test('a plan drawn with other sizes names them', (t) => {
  const plan = planOf({ ...drawn, vips: 3, backends: 100, connectionsPerSecond: 50 });
  t.is(
    replayArguments(plan, 'x.json'),
    'sim --seed 7 --nodes 12 --duration 90.5 --scenario everything --vips 3 --backends 100 --connections 50/s',
  );
});

test('sizes that are drawn anyway are not named', (t) => {
  const plan = planOf({ ...drawn, vips: 6, connectionsPerSecond: 50 });
  t.is(
    replayArguments(plan, 'x.json'),
    'sim --seed 7 --nodes 12 --duration 90.5 --scenario everything --connections 50/s',
  );
});

test('any other plan needs its file', (t) => {
  const plan = { ...planOf(drawn), faults: [] };
  t.is(replayArguments(plan, 'x.json'), 'sim --replay x.json');
  t.is(replayArguments({ ...plan, scenario: 'mine' }, "it's 1.json"), "sim --replay 'it'\\''s 1.json'");
});
