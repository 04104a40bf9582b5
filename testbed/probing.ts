import { fileURLToPath } from 'node:url';
import type { Host } from './host.js';
import type { Probed, ServedAnswer, ServedProbe } from './probe.js';
import type { Program } from './program.js';

const PROBE = fileURLToPath(new URL('./probe.js', import.meta.url));
const LISTENER = fileURLToPath(new URL('./listener.js', import.meta.url));

export interface ProbeRequest {
  readonly count?: number;
  readonly concurrency?: number;
  readonly sourceAddress?: string;
  readonly sourcePort?: number;
  /** Per connection, until the first bytes; 2000 ms. */
  readonly timeoutMs?: number;
  readonly send?: string;
  /** Goes on reading this long after the handshake. */
  readonly holdMs?: number;
  /** Does not wait for the server to say something. */
  readonly silent?: boolean;
  /** Ends with RST. */
  readonly reset?: boolean;
}

/** Connects from `host` to `to` (`10.1.2.3:5000`) and answers what became of each connection. */
export async function probe(host: Host, to: string, request: ProbeRequest = {}): Promise<readonly Probed[]> {
  const waves = Math.ceil((request.count ?? 1) / (request.concurrency ?? 1));
  const timeoutMs = 10_000 + waves * (request.timeoutMs ?? 2_000) + (request.holdMs ?? 0);
  const args = probeArguments(to, request);
  const prober = await proberOn(host);
  const id = ++asked;
  prober.write(JSON.stringify({ id, args } satisfies ServedProbe));
  const line = await prober.waitForLine((said) => said.startsWith(`{"id":${id},`), timeoutMs);
  return (JSON.parse(line) as ServedAnswer).probed;
}

/** One prober stays on each host that was probed from: to start a process costs a hundred times what a connection does. */
const probers = new WeakMap<Host, Promise<Program>>();
let asked = 0;

function proberOn(host: Host): Promise<Program> {
  let prober = probers.get(host);
  if (prober === undefined) {
    prober = host.spawn(process.execPath, [PROBE, '--serve'], { input: true });
    probers.set(host, prober);
  }
  return prober;
}

/** A probe that runs while the test does something else: ready at its first handshake. */
export async function startProbe(
  host: Host,
  to: string,
  request: ProbeRequest,
): Promise<{ readonly program: Program; readonly result: Promise<readonly Probed[]> }> {
  const program = await host.spawn(process.execPath, [PROBE, '--live', ...probeArguments(to, request)]);
  await program.waitForLine(/^connected/);
  const result = program.exited.then(() => JSON.parse(program.lines.at(-1) ?? '[]') as Probed[]);
  return { program, result };
}

/** Starts a listener on `host`; ready when it listens. It greets with `say` and, if told, ticks. */
export async function listen(
  host: Host,
  port: number,
  say: string,
  tickMs?: number,
  address = host.address,
): Promise<Program> {
  const tick = tickMs === undefined ? [] : ['--tick', String(tickMs)];
  const args = [LISTENER, '--listen', `${address}:${port}`, '--say', say, ...tick];
  const program = await host.spawn(process.execPath, args);
  await program.waitForLine(/^listening$/);
  return program;
}

/** For whoever counts what still runs on a host. */
export async function dismissProber(host: Host): Promise<void> {
  const prober = await probers.get(host);
  probers.delete(host);
  await prober?.stop();
}

function probeArguments(to: string, request: ProbeRequest): string[] {
  const args = ['--to', to];
  const option = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) args.push(name, String(value));
  };
  option('--count', request.count);
  option('--concurrency', request.concurrency);
  option('--source-address', request.sourceAddress);
  option('--source-port', request.sourcePort);
  option('--timeout', request.timeoutMs);
  option('--send', request.send);
  option('--hold', request.holdMs);
  if (request.silent) args.push('--silent');
  if (request.reset) args.push('--reset');
  return args;
}
