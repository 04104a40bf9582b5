import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MODULE = pathToFileURL(resolve('build/js/src/cli/mesos-state-vips.js')).href;

/** Runs the command in a process of its own, as a shell would see it. */
function run(path: string, json: boolean): Promise<Run> {
  const program = `import { mesosStateVips } from ${JSON.stringify(MODULE)};
    process.exitCode = await mesosStateVips(${JSON.stringify(path)}, { json: ${json} });`;
  return new Promise((done) => {
    execFile(process.execPath, ['--input-type=module', '-e', program], (error, stdout, stderr) => {
      done({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

const tcp = (vip: string, ...backends: string[]) => ({ protocol: 'tcp', vip, backends });

test("a master's state yields its VIPs; what had to be skipped is named on stderr", async (t) => {
  const { code, stdout, stderr } = await run('test/fixtures/mesos/master.json', true);
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), [
    tcp('10.40.0.1:80', '10.20.0.11:21400', '10.20.0.12:5000'),
    tcp('10.40.0.2:7000', '9.0.2.130:7000'),
    tcp('10.40.0.3:9000', '10.20.0.11:21501'),
    tcp('10.40.0.9:8080', '10.20.0.11:21400'),
  ]);
  for (const id of ['badpid.e473', 'badlabel.f584', 'badports.0695', 'named.17a6', 'dns.28b7']) {
    t.regex(stderr, new RegExp(`^warning: task ${id}: `, 'm'));
  }
  t.is(stderr.trim().split('\n').length, 6, stderr);
});

test("an agent's state yields what runs on it", async (t) => {
  const { code, stdout, stderr } = await run('test/fixtures/mesos/agent.json', true);
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), [
    tcp('10.40.1.1:80', '10.20.0.14:12500', '10.20.0.14:12601'),
    tcp('10.40.1.2:80', '10.20.0.14:12600'),
  ]);
  t.is(stderr, '');
});

test('without --json people read it', async (t) => {
  const { stdout } = await run('test/fixtures/mesos/agent.json', false);
  t.deepEqual(stdout.split('\n'), [
    'VIP           BACKENDS',
    '10.40.1.1:80  10.20.0.14:12500 10.20.0.14:12601',
    '10.40.1.2:80  10.20.0.14:12600',
    '',
  ]);
});

for (const [path, why] of [
  ['test/fixtures/mesos/no-state.json', /no Mesos state: it has neither "slaves" nor "frameworks"/],
  ['package.json', /no Mesos state/],
  ['tsconfig.json.gone', /cannot be read: ENOENT/],
  ['.gitignore', /is not JSON/],
] as const) {
  test(`${path} is refused with exit code 2`, async (t) => {
    const { code, stdout, stderr } = await run(path, true);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, why);
    t.true(stderr.startsWith(`minuteman: ${path}: `), stderr);
  });
}
