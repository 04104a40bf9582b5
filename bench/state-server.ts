import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { mesosState } from './mesos-state.js';

/**
 * A Mesos master that has nothing to do but to be polled: answers every GET with a state document, two of
 * them by turns, gzipped for who accepts that (masters do so too):
 *
 *     node build/js/bench/state-server.js ADDRESS PORT BYTES
 *
 * Prints `listening`, then a line `polled` an answer.
 */
const [address, port, bytes] = process.argv.slice(2);
const bodies = [0, 1].map((turn) => {
  const plain = Buffer.from(mesosState({ bytes: Number(bytes), tasksPerVip: 10 }, turn));
  return { plain, zipped: gzipSync(plain, { level: 1 }) };
});
let turn = 0;

createServer((request, response) => {
  const body = bodies[turn++ % bodies.length]!;
  const zipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  response.setHeader('content-type', 'application/json');
  if (zipped) response.setHeader('content-encoding', 'gzip');
  response.end(zipped ? body.zipped : body.plain);
  console.log('polled');
}).listen(Number(port), address, () => console.log('listening'));
