import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runTool } from '../../src/native/tool.js';
import { listNamespaces, removeNamespace } from '../../testbed/namespace.js';
import { serialKernelTest } from '../support/prerequisites.js';

const DEMO = fileURLToPath(new URL('../../scripts/demo.js', import.meta.url));

interface Finished {
  readonly pid: number;
  readonly status: number | null;
  readonly output: string;
  /** Where it kept its files. */
  readonly directory: string;
}

async function demo(args: readonly string[], interruptAt?: RegExp): Promise<Finished> {
  // As a user runs it: the daemons as they are installed.
  const env = { ...process.env, NODE_V8_COVERAGE: '' };
  const program = spawn(process.execPath, [DEMO, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [program.stdout, program.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (interruptAt?.test(output)) program.kill('SIGINT');
    });
  }
  const [status] = (await once(program, 'close')) as [number | null];
  const directory = /--config (\S+)\/\w+\.yaml/.exec(output)?.[1] ?? '';
  return { pid: program.pid!, status, output, directory };
}

/** Processes that were told of a file in `directory`. */
function processesAround(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
    } catch {
      return false;
    }
  });
}

serialKernelTest('the demo tells its story, ends well and leaves nothing', async (t) => {
  t.timeout(170_000);
  const { pid, status, output, directory } = await demo([]);
  t.is(status, 0, output);
  for (const told of [
    /10\.1\.2\.3:5000\/ {3}6 times\n( +web[12] \(pid \d+\): hello\n){6}/,
    /10\.1\.2\.4:80\/ {3}3 times\n( +web[12] \(pid \d+\): hello from a Mesos task\n){3}/,
    /VIP +BACKEND +STATE/,
    /dst=10\.1\.2\.3 .* src=10\.99\.0\.[23] /,
    /until it is avoided: 5 refused/,
    /backend 10\.99\.0\.[23]:8080 gets no new connections for now/,
    /10\.99\.0\.[23]:8080 +unavailable/,
    / 4 web[12] \(pid \d+\): hello\n/,
    /Nothing is left/,
  ]) {
    t.regex(output, told);
  }
  t.deepEqual(listNamespaces(`mm${pid}.`), []);
  t.false(existsSync(directory));
  t.deepEqual(processesAround(directory), []);
});

serialKernelTest('the demo interrupted in the middle leaves nothing', async (t) => {
  const { pid, status, directory } = await demo([], /-> ready/);
  t.is(status, 130);
  t.deepEqual(listNamespaces(`mm${pid}.`), []);
  t.false(existsSync(directory));
  t.deepEqual(processesAround(directory), []);
});

serialKernelTest('the demo with --keep leaves everything running and says how to use it', async (t) => {
  t.timeout(170_000);
  const { pid, status, output, directory } = await demo(['--keep']);
  const namespaces = listNamespaces(`mm0.${pid}`);
  try {
    t.is(status, 0, output);
    t.is(namespaces.length, 5);
    t.regex(output, /npm run demo -- --stop/);
    const command = /^ +(ip netns exec \S+) (curl http:\S+)$/m.exec(output);
    t.truthy(command, output);
    const words = `${command?.[1]} ${command?.[2]}`.split(' ');
    const { stdout } = await runTool(words[0]!, [...words.slice(1), '-sS']);
    t.regex(stdout, /^web[12] \(pid \d+\): hello$/m);
  } finally {
    // Not with --stop: a demo that somebody keeps on this machine is none of our business.
    for (const name of namespaces) removeNamespace(name);
    if (directory !== '') rmSync(directory, { recursive: true, force: true });
  }
});

test('the demo says what it takes', async (t) => {
  const { status, output } = await demo(['--wrong']);
  t.is(status, 2);
  t.regex(output, /--wrong.*\nusage: npm run demo/);
});
