import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { CLOSED, OPEN, runLoop, type Service } from './workload.js';

/**
 * The client of a trial with real daemons, a process of its own:
 *
 *     node build/js/bench/evaluation/real-client.js --to 10.64.0.1:5000 --loop open --duration-ms 60000
 *
 * Prints `started MS` (wall time) when it begins, and at its end its requests as a line of JSON.
 */
const { values } = parseArgs({
  options: { to: { type: 'string' }, loop: { type: 'string' }, 'duration-ms': { type: 'string' } },
});
const [host = '', port] = (values.to ?? '').split(':');
const loop = values.loop === 'closed' ? CLOSED : OPEN;

/** As the servers of the benchmarks want it, and answer it. */
const MESSAGE = Buffer.alloc(64, 'm');
/** Below the kernel's own, each used once: by its port a connection is found again in what the kernel tells. */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;
const WARM_UP_MS = 3_000;

let nextPort = FIRST_PORT;

const service: Service = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => void setTimeout(run, Math.max(0, delayMs)),
  request: (ended) => {
    const localPort = nextPort;
    nextPort = nextPort === LAST_PORT ? FIRST_PORT : nextPort + 1;
    const socket = connect({ host, port: Number(port), localPort });
    let received = 0;
    let over = false;
    const end = (answered: boolean): void => {
      if (over) return;
      over = true;
      ended(answered);
    };
    socket.setNoDelay(true);
    socket.once('connect', () => socket.write(MESSAGE));
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received < MESSAGE.length) return;
      socket.end();
      end(true);
    });
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    return {
      port: localPort,
      giveUp: () => {
        over = true;
        socket.destroy();
      },
    };
  },
};

// Its first requests would be those of a program that is not compiled yet.
await runLoop(loop, WARM_UP_MS, service);
console.log(`started ${performance.timeOrigin + performance.now()}`);
const records = await runLoop(loop, Number(values['duration-ms']), service);
// Whatever hangs still is not waited for, but the reader may take its time.
process.stdout.write(`${JSON.stringify(records)}\n`, () => process.exit(0));
