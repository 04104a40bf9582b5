import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const HELLO = fileURLToPath(new URL('../../testbed/hello.js', import.meta.url));

/** The first `lines` lines that the URL answers; then the connection is cut. */
function fetchLines(url: string, lines: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      const seen: string[] = [];
      const reader = createInterface({ input: response });
      reader.on('line', (line) => {
        seen.push(line);
        if (seen.length < lines) return;
        resolve(seen);
        response.destroy();
      });
      reader.on('close', () => resolve(seen));
      // Cut short, by us or by the end of the program; readline hands its input's error on.
      reader.on('error', () => resolve(seen));
    });
    request.on('error', reject);
  });
}

async function startHello(args: readonly string[]) {
  const program = spawn(process.execPath, [HELLO, '--listen', '127.0.0.1:0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(program, 'exit');
  const [line] = (await once(createInterface({ input: program.stdout }), 'line')) as [string];
  const address = /^listening on (127\.0\.0\.1:\d+)$/.exec(line)?.[1];
  return { program, ended, url: `http://${address}/` };
}

test('hello says who it is, streams for ever, and ends cleanly', async (t) => {
  const { program, ended, url } = await startHello(['--say-string', 'good day']);
  const greeting = `${hostname()} (pid ${program.pid}): good day`;
  t.deepEqual(await fetchLines(url, 2), [greeting]);
  t.deepEqual(await fetchLines(`${url}stream`, 2), [`1 ${greeting}`, `2 ${greeting}`]);
  const open = fetchLines(`${url}stream`, 1_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  program.kill('SIGTERM');
  t.deepEqual(await ended, [0, null]);
  await open;
});

test('hello on an address it may not have ends with the reason', async (t) => {
  const program = spawn(process.execPath, [HELLO, '--listen', '192.0.2.1:80'], { stdio: 'pipe' });
  const [message] = (await once(program.stderr, 'data')) as [Buffer];
  t.regex(message.toString(), /^hello: cannot listen on 192\.0\.2\.1:80: /);
  t.deepEqual(await once(program, 'exit'), [1, null]);
});
