import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runTool } from '../../src/native/tool.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/sim-swarm.js', import.meta.url));
const swarm = (...args: readonly string[]) =>
  runTool(process.execPath, [SCRIPT, ...args], { timeoutMs: 120_000 });

const directory = mkdtempSync(join(tmpdir(), 'minuteman-swarm-'));
test.after.always(() => rmSync(directory, { recursive: true }));

interface SwarmDocument {
  readonly scenarios: readonly {
    readonly scenario: string;
    readonly seeds: number;
    readonly failedSeeds: number;
  }[];
  readonly runs: readonly { readonly seed: number; readonly hash: string; readonly command: string }[];
}

test('a swarm prints a table, and is the same with one worker or two', async (t) => {
  const args = [
    '--seeds',
    '2',
    '--from',
    '5',
    '--scenario',
    'steady,partition',
    '--nodes',
    '3',
    '--duration',
    '12',
  ];
  const [one, two] = await Promise.all(
    [1, 2].map((workers) =>
      swarm(...args, '--workers', String(workers), '--json', join(directory, `${workers}.json`)),
    ),
  );
  const read = (workers: number): SwarmDocument =>
    JSON.parse(readFileSync(join(directory, `${workers}.json`), 'utf8')) as SwarmDocument;
  t.regex(one!.stdout, /^scenario +seeds +failed[^\n]+\nsteady +2 [^\n]+\npartition +2 /);
  t.regex(one!.stdout, /rare branch +times[\s\S]+NEVER REACHED/);
  t.regex(one!.stdout, /4 runs in [\d.]+ s, \d of them with violations/);
  t.deepEqual(read(2).runs, read(1).runs);
  t.deepEqual(
    read(1).runs.map(({ seed }) => seed),
    [5, 6, 5, 6],
  );
  const failed = read(1).scenarios.reduce((sum, { failedSeeds }) => sum + failedSeeds, 0);
  t.deepEqual([one!.code, two!.code], failed > 0 ? [1, 1] : [0, 0]);
});

test('with --twice each seed is run twice, and is the same run', async (t) => {
  const size = ['--nodes', '3', '--duration', '10'];
  const run = await swarm('--seeds', '2', '--scenario', 'steady', ...size, '--twice');
  t.is(run.code, 0, run.stderr);
  t.regex(
    run.stdout,
    /^steady seed 1: both runs have the hash [0-9a-f]{16}\nsteady seed 2: [^\n]+\n2 seeds twice, 0 of/,
  );
});

test('wrong usage names every fault', async (t) => {
  const run = await swarm('--seeds', '0', '--scenario', 'steady,none', '--duration', 'x');
  t.is(run.code, 2);
  t.regex(run.stderr, /^--seeds 0: .*\n--duration x: .*\n--scenario none: .*\nusage: /);
});
