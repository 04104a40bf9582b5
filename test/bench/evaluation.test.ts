import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ARM_NAMES } from '../../bench/evaluation/arms.js';
import { type Evaluation, evaluate, presented } from '../../bench/evaluation/evaluation.js';
import { type Options, readOptions } from '../../bench/evaluation/options.js';
import { pageOf } from '../../bench/evaluation/report.js';
import type { ArmFigures } from '../../bench/evaluation/summary.js';
import { summaryText } from '../../bench/evaluation/summary-file.js';
import { armsTable, latencyTable } from '../../bench/evaluation/tables.js';
import { startEvaluation } from '../support/evaluation-command.js';

const MODE = ['--nodes', '8', '--tasks', '40', '--kill', '0.25', '--at', '3s', '--duration', '10s'];

/** Enough to see the shape: so few tasks that the handshakes of one client tell who is dead within the run. */
const SMALL = ['--nodes', '10', '--tasks', '40', '--kill', '0.2', '--duration', '20s'];

test('simulated: the mesh repairs faster than handshakes that fail, and those faster than chance', async (t) => {
  const options = readOptions([...SMALL, '--seeds', '5', '--workers', '2']) as Options;
  const evaluation = await evaluate({ ...options, onTrial: (done, of) => t.log(`${done} of ${of}`) });
  const { summaries } = evaluation.cells[0]!;
  t.deepEqual(
    summaries.map(({ arm, trials }) => [arm, trials]),
    ARM_NAMES.map((arm) => [arm, 5]),
  );
  const repaired = Object.fromEntries(summaries.map(({ arm, over }) => [arm, over.repairMs.p50!]));
  t.log(repaired);
  t.true(repaired.mesh! < repaired.lashup!);
  t.true(repaired.lashup! < repaired.connections!);
  t.true(repaired.connections! < repaired.none!);
  const [mesh] = summaries;
  const { repairMs, longestMs, failed, falseDeaths } = mesh!.over;
  t.true(repairMs.max! <= 2_000, `${repairMs.max}`);
  t.true(longestMs.max! <= 3_500, `${longestMs.max}`);
  t.deepEqual([failed.max, falseDeaths.max], [0, 0]);

  const kept = JSON.parse(
    summaryText({}, evaluation),
    (_key, value) => value ?? Number.POSITIVE_INFINITY,
  ) as {
    readonly cells: readonly { readonly arms: readonly ArmFigures[] }[];
  };
  const [{ arms }] = kept.cells as [{ readonly arms: readonly ArmFigures[] }];
  t.is(armsTable(arms), armsTable(summaries), 'the file that is kept does not give the same table');
  t.is(latencyTable(arms), latencyTable(summaries));

  const many = summaries.map((summary) => ({
    ...summary,
    runs: Array.from({ length: 1_000 }, (_, at) => ({ ...summary.runs[at % 5]!, seed: at + 1 })),
  }));
  const { length } = summaryText({}, { ...evaluation, cells: [{ value: undefined, summaries: many }] });
  t.true(length < 300_000, `what is kept of a thousand seeds has ${length} octets`);

  const page = await presented(options, evaluation);
  const html = pageOf(page);
  for (const { pictures } of page.parts)
    for (const svg of Object.values(pictures)) t.true(svg.startsWith('<svg') && !/NaN|undefined/.test(svg));
  t.is(html.match(/<svg/g)?.length, 5);
  t.false(/(src|href)="(?!#)/.test(html), 'the page loads something');
});

/** How the clients of `none` and `mesh` fare when machines go another way than by a panic. */
for (const { mode, fails } of [
  { mode: 'kill', fails: 'at once' },
  { mode: 'pause', fails: 'when its patience is over' },
  { mode: 'partition', fails: 'when its patience is over' },
] as const) {
  test(`simulated, ${mode}: the mesh is repaired soon, and with chance a request fails ${fails}`, async (t) => {
    const options = readOptions([...MODE, '--mode', mode, '--arm', 'mesh,none', '--seed', '1']) as Options;
    const { cells } = await evaluate(options);
    const [mesh, none] = cells[0]!.summaries.map(({ runs }) => runs[0]!);
    t.true(mesh!.repairMs <= 2_000, `${mesh!.repairMs}`);
    t.true(mesh!.knownByAllMs! > 0 && mesh!.knownByAllMs! <= 2_000, `${mesh!.knownByAllMs}`);
    t.is(mesh!.falseDeaths, 0);
    // Who is told by a reset that nobody listens does not ask again.
    if (mode !== 'kill') t.is(mesh!.failed, 0);
    t.true(none!.repairMs > 6_000, `${none!.repairMs}`);
    t.true(none!.failed > 50, `${none!.failed}`);
    t.is(none!.longestMs < 100, mode === 'kill', `${none!.longestMs}`);
  });
}

test('the same seed gives the same trial, whatever the number of workers and the order', async (t) => {
  const options = readOptions([...MODE, '--arm', 'mesh', '--seeds', '3']) as Options;
  const one = await evaluate({ ...options, workers: 1 });
  const two = await evaluate({ ...options, workers: 2, seeds: [...options.seeds].reverse() });
  t.deepEqual(two.cells, one.cells);
});

test('an evaluation that is interrupted presents what is done', async (t) => {
  const options = readOptions([...MODE, '--arm', 'none', '--seeds', '50', '--workers', '1']) as Options;
  const abort = new AbortController();
  const evaluation = await evaluate({
    ...options,
    signal: abort.signal,
    onTrial: (done) => {
      if (done === 3) abort.abort();
    },
  });
  t.deepEqual([evaluation.trials, evaluation.wanted], [3, 50]);
  t.regex((await presented(options, evaluation)).title, /interrupted: 3 of 50 trials/);
});

test('Ctrl-C leaves the files of what is done, and a status that says so', async (t) => {
  const out = mkdtempSync(join(tmpdir(), 'minuteman-interrupted-'));
  t.teardown(() => rmSync(out, { recursive: true }));
  const args = [...MODE, '--arm', 'mesh', '--seeds', '1000', '--workers', '2', '--out', out];
  const command = startEvaluation(args, out);
  await command.said(/^\d+ of 1000 trials/);
  command.pressCtrlC();
  t.is(await command.ended, 130);
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Evaluation;
  t.true(results.trials > 0 && results.trials < 1000, `${results.trials}`);
  t.is(results.cells[0]!.summaries[0]!.runs.length, results.trials);
  t.regex(readFileSync(join(out, 'report.md'), 'utf8'), /interrupted: \d+ of 1000 trials/);
});

const mistakes: readonly { readonly args: readonly string[]; readonly says: RegExp }[] = [
  { args: ['--arm', 'mash'], says: /--arm mash: must be one of mesh, lashup, connections, none, or all/ },
  { args: ['--world', 'moon'], says: /--world moon: must be one of sim, real/ },
  { args: ['--kill', '2'], says: /--kill 2: must be a share/ },
  { args: ['--nodes', '2'], says: /--nodes 2: must be a whole number of at least 3/ },
  { args: ['--at', 'soon'], says: /--at soon: must be a time/ },
  { args: ['--at', '70s'], says: /--duration: must be longer than --at/ },
  { args: ['--world', 'real', '--sweep', 'loss'], says: /only with --world sim/ },
];
for (const { args, says } of mistakes) {
  test(`evaluation ${args.join(' ')} is a mistake that is named`, (t) => {
    t.throws(() => readOptions(args), { message: says });
  });
}
