import { createServer } from 'node:net';
import { parseArgs } from 'node:util';

/**
 * A TCP server for tests: `node build/js/testbed/listener.js --listen 10.99.0.2:80 --say one`. Prints
 * `listening`, greets each connection with the line of `--say` followed by the peer as it sees it
 * (`one 10.99.0.1:40000`), then echoes; with `--tick MS` it also sends a dot that often.
 */
const { values } = parseArgs({
  options: {
    listen: { type: 'string' },
    say: { type: 'string', default: 'hello' },
    tick: { type: 'string' },
  },
});
const [host, port] = (values.listen ?? '').split(':');
if (!host || !port) {
  console.error('usage: listener --listen ADDRESS:PORT [--say TEXT] [--tick MS]');
  process.exit(2);
}
const tickMs = values.tick === undefined ? undefined : Number(values.tick);

createServer((socket) => {
  const ticker = tickMs === undefined ? undefined : setInterval(() => socket.write('.'), tickMs);
  // A client that resets is the client's business.
  socket.on('error', () => {});
  socket.on('close', () => clearInterval(ticker));
  socket.write(`${values.say} ${socket.remoteAddress}:${socket.remotePort}\n`);
  socket.pipe(socket);
}).listen({ host, port: Number(port), backlog: 4096 }, () => console.log('listening'));
