import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const module = fileURLToPath(new URL('../../src/cli/instance-guard.js', import.meta.url));

/** Takes the guard in a process of its own, whose first line of output says how that went. */
function contender(name: string) {
  const script = `
    import { InstanceGuard } from ${JSON.stringify(module)};
    try {
      globalThis.guard = await InstanceGuard.acquire(${JSON.stringify(name)});
      console.log('has it');
      process.stdin.resume();
    } catch (error) {
      console.log(error.message);
    }
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = new Promise<string>((done) =>
    child.stdout.once('data', (data: Buffer) => done(String(data).trim())),
  );
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  return { child, said, ended };
}

// A daemon may be running on this host, outside of the tests; the guard is per network namespace.
const first = contender('node n1');

test('instance guard: one process has it; others are told which, until it dies', async (t) => {
  t.teardown(() => first.child.kill('SIGKILL'));
  if ((await first.said) !== 'has it') {
    t.log(`a minuteman runs in this network namespace: ${await first.said}`);
    t.regex(await first.said, /^another minuteman \(.+\) runs in this network namespace; stop it first/);
    return;
  }
  const second = contender('node n2');
  t.is(
    await second.said,
    `another minuteman (node n1, pid ${first.child.pid}) runs in this network namespace; stop it first, since both would program the same kernel tables`,
  );
  await second.ended;
  first.child.kill('SIGKILL');
  await first.ended;
  const third = contender('node n3');
  t.teardown(() => third.child.kill('SIGKILL'));
  t.is(await third.said, 'has it');
});
