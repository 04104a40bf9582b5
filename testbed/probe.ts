import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

/**
 * Opens TCP connections and says what became of each: run inside a namespace of the test bed,
 * `node build/js/testbed/probe.js --to 10.1.2.3:5000 --count 10`. Prints one JSON array of `Probed` at the
 * end, in the order the connections were started; with `--live` also a line `connected` at each handshake.
 * With `--serve` it stays, takes a `ServedProbe` with each line of its input, and prints a `ServedAnswer` for each.
 */
export interface Probed {
  readonly outcome: 'connected' | 'failed' | 'timeout';
  /** What the failure is called (`ECONNREFUSED`, ...), of the handshake or of the connection later on. */
  readonly errno?: string;
  /** From the start to the handshake's end, its failure or the timeout, in milliseconds. */
  readonly ms: number;
  /** Our end of it, e.g. `10.99.0.1:40000`. */
  readonly from?: string;
  /** The first bytes received, as text. */
  readonly first?: string;
  /** All that was received up to the end, as text; of much only the beginning. */
  readonly received: string;
  readonly bytes: number;
  /** Longest silence between two pieces of data, or until the end, in milliseconds. */
  readonly longestGapMs: number;
  /** Whether the connection still stood when the probe was through with it. */
  readonly stood: boolean;
}

export interface ServedProbe {
  readonly id: number;
  /** The arguments of a probe that is not served. */
  readonly args: readonly string[];
}

export interface ServedAnswer {
  readonly id: number;
  readonly probed: readonly Probed[];
}

interface ProbeOptions {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly timeoutMs: number;
  readonly send: string | undefined;
  /** How long to go on reading after the first bytes. */
  readonly holdMs: number;
  /** Do not wait for the first bytes. */
  readonly silent: boolean;
  /** End with RST instead of FIN. */
  readonly reset: boolean;
  readonly live: boolean;
}

const FIRST_BYTES = 4096;

/** Ends each connection under way. */
const standing = new Set<() => void>();

function probe(options: ProbeOptions): Promise<Probed> {
  return new Promise((resolve) => {
    const started = performance.now();
    let connectedAt: number | undefined;
    let from: string | undefined;
    let first: string | undefined;
    let received = '';
    let errno: string | undefined;
    let bytes = 0;
    let lastDataAt = 0;
    let longestGapMs = 0;
    let answered = false;
    let hold: NodeJS.Timeout | undefined;
    const socket: Socket = connect({
      host: options.host,
      port: options.port,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      ...(options.localPort === undefined ? {} : { localPort: options.localPort }),
    });
    const end = (stood: boolean): void => {
      if (answered) return;
      answered = true;
      clearTimeout(deadline);
      clearTimeout(hold);
      standing.delete(stop);
      const now = performance.now();
      if (connectedAt !== undefined) longestGapMs = Math.max(longestGapMs, now - lastDataAt);
      if (stood && options.reset) socket.resetAndDestroy();
      else socket.destroy();
      const failure = errno === 'ETIMEDOUT' || errno === undefined ? 'timeout' : 'failed';
      resolve({
        outcome: connectedAt === undefined ? failure : 'connected',
        ...(errno === undefined ? {} : { errno }),
        ms: (connectedAt ?? now) - started,
        ...(from === undefined ? {} : { from }),
        ...(first === undefined ? {} : { first }),
        received,
        bytes,
        longestGapMs,
        stood,
      });
    };
    const stop = (): void => end(connectedAt !== undefined);
    standing.add(stop);
    const startHold = (): void => {
      hold ??= setTimeout(() => end(true), options.holdMs);
    };
    const deadline = setTimeout(() => end(connectedAt !== undefined), options.timeoutMs);
    socket.on('connect', () => {
      connectedAt = performance.now();
      lastDataAt = connectedAt;
      from = `${socket.localAddress}:${socket.localPort}`;
      if (options.live) console.log('connected', from);
      if (options.send !== undefined) socket.write(options.send);
      if (options.holdMs > 0) clearTimeout(deadline);
      if (options.silent || options.holdMs > 0) startHold();
    });
    socket.on('data', (chunk) => {
      const now = performance.now();
      if (bytes > 0) longestGapMs = Math.max(longestGapMs, now - lastDataAt);
      lastDataAt = now;
      bytes += chunk.length;
      first ??= chunk.subarray(0, FIRST_BYTES).toString();
      received += chunk.subarray(0, Math.max(0, FIRST_BYTES - received.length)).toString();
      startHold();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      errno = error.code ?? error.message;
    });
    socket.on('close', () => end(false));
  });
}

const USAGE =
  'usage: probe --to HOST:PORT [--count N] [--concurrency N] [--source-address A] [--source-port P] ' +
  '[--timeout MS] [--send TEXT] [--hold MS] [--silent] [--reset] [--live] | probe --serve';

/** All that `args` ask for, at most `--concurrency` at a time. */
async function probeAll(args: readonly string[]): Promise<readonly Probed[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      to: { type: 'string' },
      count: { type: 'string', default: '1' },
      concurrency: { type: 'string', default: '1' },
      'source-address': { type: 'string' },
      'source-port': { type: 'string' },
      timeout: { type: 'string', default: '2000' },
      send: { type: 'string' },
      hold: { type: 'string', default: '0' },
      silent: { type: 'boolean', default: false },
      reset: { type: 'boolean', default: false },
      live: { type: 'boolean', default: false },
    },
  });
  const [host, port] = (values.to ?? '').split(':');
  if (!host || !port) throw new Error(USAGE);
  const options: ProbeOptions = {
    host,
    port: Number(port),
    localAddress: values['source-address'],
    localPort: values['source-port'] === undefined ? undefined : Number(values['source-port']),
    timeoutMs: Number(values.timeout),
    send: values.send?.replaceAll('\\r', '\r').replaceAll('\\n', '\n'),
    holdMs: Number(values.hold),
    silent: values.silent,
    reset: values.reset,
    live: values.live,
  };
  const count = Number(values.count);
  const results: Probed[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await probe(options);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, Number(values.concurrency)) }, worker));
  return results;
}

const args = process.argv.slice(2);
if (args[0] === '--serve') {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, args } = JSON.parse(line) as ServedProbe;
    void probeAll(args).then((probed) => console.log(JSON.stringify({ id, probed } satisfies ServedAnswer)));
  }
} else {
  process.once('SIGTERM', () => {
    for (const stop of [...standing]) stop();
  });
  try {
    console.log(JSON.stringify(await probeAll(args)));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
  }
}
