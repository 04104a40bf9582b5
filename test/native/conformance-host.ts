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
import { nativePacketQueues, PACKET_QUEUE_DEFAULTS } from '../../src/native/packet-queue.js';
import { nativeRoutes } from '../../src/native/routes.js';
import { ip } from '../../testbed/ip.js';
import { CONNECTION_CASES } from '../conformance/connections.js';
import { CONNTRACK_CASES } from '../conformance/conntrack.js';
import { PACKET_QUEUE_CASES } from '../conformance/packet-queue.js';
import { ROUTES_CASES } from '../conformance/routes.js';
import type { Attempt, AttemptState, Stage } from '../conformance/stage.js';

/*
 * Plays a conformance suite on the kernel of the namespace this process is in:
 * `conformance-host SUITE ADDRESS OTHER QUEUE`. Prints one JSON line for each case: its name, and the error if it failed.
 */
const [suite, address, otherAddress, queue] = process.argv.slice(2) as [string, string, string, string];

/** Greets whoever comes with a line that says whom it sees, and echoes. */
async function greetOn(port: number, allowHalfOpen: boolean): Promise<Endpoint> {
  const greeter = createServer({ allowHalfOpen }, (socket) => {
    socket.on('error', () => {});
    socket.write(`${socket.remoteAddress}:${socket.remotePort}\n`);
    socket.on('data', (bytes) => socket.write(bytes));
  });
  await new Promise<void>((resolve) => greeter.listen(port, address, 4096, resolve));
  return parseEndpoint(`${address}:${port}`)!;
}

function startAttempt(to: Endpoint, clientPort?: number): Attempt {
  let state: AttemptState = 'pending';
  let received = '';
  const socket = connect({
    host: formatAddress(addressOf(to)),
    port: portOf(to),
    localAddress: address,
    allowHalfOpen: true,
    ...(clientPort === undefined ? {} : { localPort: clientPort }),
  });
  socket.on('connect', () => {
    state = 'connected';
  });
  socket.on('data', (bytes) => {
    received += bytes.toString();
  });
  socket.on('error', () => {
    if (state === 'pending') state = 'refused';
  });
  return {
    state: () => state,
    seenAs: () => parseEndpoint(received.split('\n')[0]!),
    say: () => socket.write('.'),
    heard: () => received.split('\n')[1]?.length ?? 0,
    finish: () => socket.end(),
    // A reset, so that no TIME_WAIT keeps the port from the next case. Of one that is not connected yet Node only takes
    // note, and its SYN would be sent again and again, into the next cases.
    abandon: () => (socket.connecting ? socket.destroy() : socket.resetAndDestroy()),
  };
}

const stage: Stage = {
  queues: nativePacketQueues(),
  narrowQueues: (maxLength) => nativePacketQueues({ ...PACKET_QUEUE_DEFAULTS, maxLength }),
  queue: Number(queue),
  conntrack: nativeConntrack({ ...CONNTRACK_DEFAULTS, logGroup: Number(queue) }),
  routes: nativeRoutes(),
  clock: systemClock,
  vip: (index) => endpoint(parseAddress('10.1.2.3')! + index, 5000),
  address: parseAddress(address)!,
  otherAddress: parseAddress(otherAddress)!,
  server: await greetOn(8080, false),
  lingering: await greetOn(8082, true),
  closed: parseEndpoint(`${address}:8081`)!,
  silent: parseEndpoint('10.200.0.1:80')!,
  unroutable: parseAddress('10.251.0.1')!,
  connect: startAttempt,
  setAddress: async (changed, present) => {
    await ip(['addr', present ? 'add' : 'del', `${formatAddress(changed)}/32`, 'dev', 'lo']);
  },
  pass: (milliseconds) => sleep(milliseconds),
};

const suites = {
  'packet-queue': PACKET_QUEUE_CASES,
  conntrack: CONNTRACK_CASES,
  connections: CONNECTION_CASES,
  routes: ROUTES_CASES,
};
for (const { name, run } of suites[suite as keyof typeof suites]) {
  const error = await run(stage).then(
    () => undefined,
    (thrown: Error) => thrown.stack,
  );
  console.log(JSON.stringify({ name, error }));
}
process.exit();
