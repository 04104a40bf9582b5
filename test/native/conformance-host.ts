import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  addressOf,
  type Endpoint,
  endpoint,
  formatAddress,
  parseAddress,
  parseEndpoint,
  portOf,
} from '../../src/core/endpoint.js';
import { systemClock } from '../../src/native/clock.js';
import { CONNTRACK_DEFAULTS, nativeConntrack } from '../../src/native/conntrack.js';
import { nativePacketQueues } from '../../src/native/packet-queue.js';
import { nativeRoutes } from '../../src/native/routes.js';
import { ip } from '../../testbed/ip.js';
import { CONNTRACK_CASES } from '../conformance/conntrack.js';
import { PACKET_QUEUE_CASES } from '../conformance/packet-queue.js';
import { ROUTES_CASES } from '../conformance/routes.js';
import type { Attempt, AttemptState, Stage } from '../conformance/stage.js';

/*
 * Plays a conformance suite on the kernel of the namespace this process is in:
 * `conformance-host SUITE ADDRESS OTHER QUEUE`. Prints one JSON line for each case: its name, and the error if it failed.
 */
const [suite, address, otherAddress, queue] = process.argv.slice(2) as [string, string, string, string];

const greeter = createServer((socket) => {
  socket.on('error', () => {});
  socket.write(`${socket.remoteAddress}:${socket.remotePort}`);
});
await new Promise<void>((resolve) => greeter.listen(8080, address, 4096, resolve));

function startAttempt(to: Endpoint, clientPort?: number): Attempt {
  let state: AttemptState = 'pending';
  let greeting = '';
  const socket = connect({
    host: formatAddress(addressOf(to)),
    port: portOf(to),
    localAddress: address,
    ...(clientPort === undefined ? {} : { localPort: clientPort }),
  });
  socket.on('connect', () => {
    state = 'connected';
  });
  socket.on('data', (bytes) => {
    greeting += bytes.toString();
  });
  socket.on('error', () => {
    if (state === 'pending') state = 'refused';
  });
  return {
    state: () => state,
    seenAs: () => parseEndpoint(greeting),
    // A reset, so that no TIME_WAIT keeps the port from the next case.
    abandon: () => socket.resetAndDestroy(),
  };
}

const stage: Stage = {
  queues: nativePacketQueues(),
  queue: Number(queue),
  conntrack: nativeConntrack({ ...CONNTRACK_DEFAULTS, logGroup: Number(queue) }),
  routes: nativeRoutes(),
  clock: systemClock,
  vip: (index) => endpoint(parseAddress('10.1.2.3')! + index, 5000),
  address: parseAddress(address)!,
  otherAddress: parseAddress(otherAddress)!,
  server: parseEndpoint(`${address}:8080`)!,
  closed: parseEndpoint(`${address}:8081`)!,
  silent: parseEndpoint('10.200.0.1:80')!,
  unroutable: parseAddress('10.251.0.1')!,
  connect: startAttempt,
  setAddress: async (changed, present) => {
    await ip(['addr', present ? 'add' : 'del', `${formatAddress(changed)}/32`, 'dev', 'lo']);
  },
  pass: (milliseconds) => sleep(milliseconds),
};

const suites = { 'packet-queue': PACKET_QUEUE_CASES, conntrack: CONNTRACK_CASES, routes: ROUTES_CASES };
for (const { name, run } of suites[suite as keyof typeof suites]) {
  const error = await run(stage).then(
    () => undefined,
    (thrown: Error) => thrown.stack,
  );
  console.log(JSON.stringify({ name, error }));
}
process.exit();
