import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';

/**
 * A backend to look at: `node build/js/testbed/hello.js --listen 10.99.0.2:8080 --say-string "hello"`.
 * Answers any path with one line that says who answered (`web1 (pid 4711): hello`); `/stream` goes on with a
 * numbered line a second for ever. Prints `listening on ADDRESS:PORT` when it does; SIGTERM ends it cleanly.
 */
const TICK_MS = 1_000;

const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '0.0.0.0:8080' },
    'say-string': { type: 'string' },
    say: { type: 'string', default: 'hello' },
  },
});
const [host, port] = values.listen.split(':');
if (!host || !Number.isInteger(Number(port))) {
  console.error('usage: hello [--listen ADDRESS:PORT] [--say-string TEXT]');
  process.exit(2);
}
const greeting = `${hostname()} (pid ${process.pid}): ${values['say-string'] ?? values.say}\n`;

const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  if (request.url !== '/stream') {
    // One connection, one answer: the next request is balanced anew.
    response.setHeader('connection', 'close');
    response.end(greeting);
    return;
  }
  let count = 0;
  const tick = (): void => {
    count += 1;
    response.write(`${count} ${greeting}`);
  };
  tick();
  const ticker = setInterval(tick, TICK_MS);
  response.on('close', () => clearInterval(ticker));
});
server.on('error', (error) => {
  console.error(`hello: cannot listen on ${values.listen}: ${error.message}`);
  process.exit(1);
});
server.listen({ host, port: Number(port) }, () => {
  const address = server.address();
  // Port 0 lets the kernel choose one.
  console.log(`listening on ${host}:${typeof address === 'object' ? address?.port : port}`);
});

process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
