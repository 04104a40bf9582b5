import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { SCENARIOS } from '../../src/sim/cluster.js';
import { MINUTEMAN, minuteman } from '../support/command.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-sim-'));
test.after.always(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);
mkdirSync(at('folder'));

const LAST =
  /^seed=(\d+) events=(\d+) simulated=([\d.]+)s wall=[\d.]+s hash=([0-9a-f]{16}) violations=(\d+)$/;
const SMALL = ['--nodes', '3', '--duration', '12'];

/** The last line of what was printed, in its parts. */
function lastLine(stdout: string): {
  seed: string;
  events: number;
  simulated: string;
  hash: string;
  violations: number;
} {
  const match = LAST.exec(stdout.trimEnd().split('\n').at(-1) ?? '');
  if (match === null) throw new Error(`the last line is another one:\n${stdout}`);
  const [, seed, events, simulated, hash, violations] = match;
  return {
    seed: seed!,
    events: Number(events),
    simulated: simulated!,
    hash: hash!,
    violations: Number(violations),
  };
}

test('a run ends with a line for tools, and its exit status tells of violations', async (t) => {
  const run = await minuteman('sim', '--seed', '7', ...SMALL);
  const line = lastLine(run.stdout);
  t.is(line.seed, '7');
  t.is(line.simulated, '12');
  t.true(line.events > 0);
  t.is(run.code, line.violations > 0 ? 1 : 0, run.stdout);
  t.is(run.stderr, '');
});

test('the plan that a run wrote gives the same run, and so do its options', async (t) => {
  const options = [
    '--seed',
    '3',
    ...SMALL,
    '--scenario',
    'kernel-chaos',
    '--vips',
    '2',
    '--connections',
    '20/s',
  ];
  const first = await minuteman('sim', ...options, '--json', at('run.json'));
  const document = JSON.parse(readFileSync(at('run.json'), 'utf8')) as {
    command: string;
    plan: { faults: unknown[] };
    result: { hash: string; events: number };
  };
  const { hash, events } = lastLine(first.stdout);
  t.deepEqual([document.result.hash, document.result.events], [hash, events]);
  t.true(document.plan.faults.length > 0);
  const replayed = await minuteman('sim', '--replay', at('run.json'));
  t.is(lastLine(replayed.stdout).hash, hash, replayed.stderr);
  const [, ...words] = document.command.split(' ');
  t.is(lastLine((await minuteman(...words)).stdout).hash, hash);
});

test('--trace writes the plan, then a line for all that happened, then what came of it', async (t) => {
  const run = await minuteman('sim', ...SMALL, '--scenario', 'steady', '--trace', at('trace'));
  const lines = readFileSync(at('trace'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.like(lines[0], { plan: { seed: 1, scenario: 'steady', nodes: 3 } });
  t.like(lines.at(-1), { hash: lastLine(run.stdout).hash, simulatedMs: 12_000 });
  const times = lines.slice(1, -1).map(({ atMs }) => atMs as number);
  t.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  t.true(lines.some(({ kind, state }) => kind === 'daemon' && state === 'ready'));
});

test('--report writes a page', async (t) => {
  await minuteman('sim', ...SMALL, '--report', at('report.html'));
  t.regex(
    readFileSync(at('report.html'), 'utf8'),
    /^<!doctype html>[\s\S]*minuteman sim --seed 1[\s\S]*<\/html>\n$/,
  );
});

test('--list-scenarios lists them', async (t) => {
  const run = await minuteman('sim', '--list-scenarios');
  t.is(run.code, 0);
  for (const { name, about } of SCENARIOS) t.regex(run.stdout, new RegExp(`^${name} +${about}$`, 'm'));
});

const bad: readonly { readonly title: string; readonly args: readonly string[]; readonly stderr: RegExp }[] =
  [
    {
      title: 'every wrong option',
      args: [
        '--seed',
        'x',
        '--nodes',
        '0',
        '--duration',
        '5x',
        '--scenario',
        'none',
        '--connections',
        'many',
      ],
      stderr:
        /^--seed x: must be a whole number.*\n--nodes 0: must be .*\n--duration 5x: must be seconds.*\n--scenario none: .* steady, .*everything\n--connections many: .*\n$/,
    },
    {
      title: 'fewer backends than VIPs',
      args: ['--vips', '9', '--backends', '3'],
      stderr: /^--backends 3: .* 9\n$/,
    },
    {
      title: 'outputs that cannot be written, before anything runs',
      args: ['--json', '/nonexistent/x', '--trace', at('folder'), '--minimize', ''],
      stderr:
        /^--json \/nonexistent\/x: there is no directory \/nonexistent; .*\n--trace .*folder: is a directory; .*\n--minimize : must be .*\n$/,
    },
    {
      title: 'two outputs in one file',
      args: ['--json', at('same'), '--trace', at('same')],
      stderr: /same is named more than once/,
    },
    {
      title: 'a plan that is not there',
      args: ['--replay', '/nonexistent.json'],
      stderr: /^\/nonexistent\.json: cannot be read \(ENOENT\); .*\n$/,
    },
    {
      title: 'a plan and options that say otherwise',
      args: ['--replay', '/nonexistent.json', '--seed', '1', '--nodes', '2'],
      stderr: /^--seed cannot be combined with --replay.*\n--nodes cannot .*\n\/nonexistent.*\n$/,
    },
  ];

for (const { title, args, stderr } of bad) {
  test(`wrong usage is told: ${title}`, async (t) => {
    const run = await minuteman('sim', ...args);
    t.is(run.code, 2);
    t.is(run.stdout, '');
    t.regex(run.stderr, stderr);
  });
}

test('a plan with faults is told with the place of each', async (t) => {
  writeFileSync(
    at('bad.json'),
    JSON.stringify({
      plan: {
        seed: -1,
        scenario: 's',
        nodes: 2,
        faults: [{ atMs: 1, durationMs: 1, fault: { kind: 'panick' } }],
      },
    }),
  );
  const run = await minuteman('sim', '--replay', at('bad.json'));
  t.is(run.code, 2);
  t.regex(run.stderr, /bad\.json: plan\.seed: must be a whole number of 0 to/);
  t.regex(run.stderr, /bad\.json: plan\.faults\[0\]\.fault\.kind: must be one of panic, .*, not "panick"/);
});

test('Ctrl-C ends a run early, and what there is is written', async (t) => {
  const args = ['sim', '--seed', '2', '--nodes', '20', '--duration', '7h', '--json', at('early.json')];
  const child = spawn(process.execPath, [MINUTEMAN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  child.stdout.on('data', (data: Buffer) => {
    if (stdout === '') setTimeout(() => child.kill('SIGINT'), 500);
    stdout += data.toString();
  });
  const code = await ended;
  const { violations } = lastLine(stdout);
  t.is(code, violations > 0 ? 1 : 0);
  t.regex(stdout, /; ended early\n/);
  const { result } = JSON.parse(readFileSync(at('early.json'), 'utf8')) as {
    result: { interrupted: boolean; simulatedMs: number };
  };
  t.true(result.interrupted);
  t.true(result.simulatedMs < 7 * 3_600_000);
});
