import type { Program } from '../testbed/program.js';
import { commandLine, main, positive } from './command-line.js';
import { startDaemon } from './daemon.js';
import { loadProgram, writeResult } from './load-programs.js';
import { type Figure, figures, median, number } from './report.js';
import { onScene, sleep } from './scene.js';

/**
 * Whether an established connection needs the daemon: one bulk transfer through a VIP, its throughput with
 * the daemon running and with the daemon stopped (SIGSTOP), in turns within the same connection:
 *
 *     node build/js/bench/established.js --pairs 12 --window-ms 500
 */
export interface EstablishedOptions {
  readonly pairs: number;
  readonly windowMs: number;
  readonly say: (line: string) => void;
}

export interface EstablishedPair {
  readonly runningBytesPerSecond: number;
  readonly stoppedBytesPerSecond: number;
}

export interface EstablishedResult {
  readonly pairs: readonly EstablishedPair[];
  readonly figures: readonly Figure[];
}

interface Sample {
  readonly atMs: number;
  readonly acked: number;
}

const VIP = '10.1.2.3:5000';
const WARM_UP_MS = 500;
/** After each turn of the daemon, before its window begins. */
const SETTLE_MS = 60;

export function benchEstablished(options: EstablishedOptions): Promise<EstablishedResult> {
  return onScene(async ({ bed, directory }) => {
    const client = await bed.host('client', { address: '10.99.0.1' });
    const backend = await bed.host('backend', { address: '10.99.0.11' });
    const sink = `${backend.address}:8000`;
    const receiver = await backend.spawn(loadProgram('stream'), ['receive', '--listen', sink]);
    await receiver.waitForLine(/^listening$/);
    const daemon = await startDaemon(client, directory, { [VIP]: [sink] });
    const totalMs = WARM_UP_MS + options.pairs * 2 * (options.windowMs + SETTLE_MS);
    const seconds = Math.ceil(totalMs / 1000) + 5;
    const args = ['send', '--target', VIP, '--seconds', String(seconds)];
    const sender = await client.spawn(loadProgram('stream'), args);
    await sender.waitForLine(/acked/);
    await sleep(WARM_UP_MS);

    const window = async (signal: 'SIGCONT' | 'SIGSTOP') => {
      process.kill(daemon.program.pid, signal);
      await sleep(SETTLE_MS);
      const from = nowMs();
      await sleep(options.windowMs);
      return { from, to: nowMs() };
    };
    const windows = [];
    for (let pair = 0; pair < options.pairs; pair++) {
      // Each state goes first in every other pair.
      const stoppedFirst = pair % 2 === 1 ? await window('SIGSTOP') : undefined;
      const running = await window('SIGCONT');
      windows.push({ running, stopped: stoppedFirst ?? (await window('SIGSTOP')) });
    }
    process.kill(daemon.program.pid, 'SIGCONT');
    // The sample behind the last window.
    await sleep(100);
    if (!sender.running) throw new Error(`the transfer broke off:\n${sender.lines.slice(-3).join('\n')}`);
    const samples = samplesOf(sender);
    await sender.stop();
    await daemon.stop();

    const pairs = windows.map(({ running, stopped }) => ({
      runningBytesPerSecond: throughput(samples, running),
      stoppedBytesPerSecond: throughput(samples, stopped),
    }));
    for (const [at, pair] of pairs.entries()) options.say(`${at + 1}/${pairs.length}: ${describe(pair)}`);
    return { pairs, figures: [figureOf(pairs)] };
  });
}

function samplesOf(sender: Program): Sample[] {
  return sender.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Sample);
}

/** Bytes per second in a window, the ends interpolated between samples. */
export function throughput(samples: readonly Sample[], window: { from: number; to: number }): number {
  const ackedAt = (ms: number): number => {
    const next = samples.findIndex((sample) => sample.atMs >= ms);
    if (next <= 0) throw new Error('the samples do not cover the window');
    const [a, b] = [samples[next - 1]!, samples[next]!];
    return a.acked + ((b.acked - a.acked) * (ms - a.atMs)) / (b.atMs - a.atMs);
  };
  return ((ackedAt(window.to) - ackedAt(window.from)) / (window.to - window.from)) * 1000;
}

function figureOf(pairs: readonly EstablishedPair[]): Figure {
  return {
    name: 'bulk transfer, daemon stopped',
    value: median(pairs.map((pair) => pair.stoppedBytesPerSecond / pair.runningBytesPerSecond)),
    asked: 0.97,
    bound: 'at least',
    unit: 'x running',
    digits: 3,
  };
}

function describe(pair: EstablishedPair): string {
  const gigabits = (bytes: number) => `${number((bytes * 8) / 1e9, 1)} Gbit/s`;
  const ratio = number(pair.stoppedBytesPerSecond / pair.runningBytesPerSecond, 3);
  return `running ${gigabits(pair.runningBytesPerSecond)}, stopped ${gigabits(pair.stoppedBytesPerSecond)}: ${ratio}`;
}

/** CLOCK_MONOTONIC, which the sender's samples are stamped with. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Quick enough for the test suite. */
export const SMALL: Omit<EstablishedOptions, 'say'> = { pairs: 4, windowMs: 200 };

await main(import.meta.url, async () => {
  const values = commandLine('An established transfer while the daemon runs and while it is stopped.', {
    pairs: ['12', 'of windows, running and stopped in turn'],
    'window-ms': ['500', 'how long each is'],
    small: [false, 'as the tests run it'],
  });
  const given = {
    pairs: positive('--pairs', values.pairs),
    windowMs: positive('--window-ms', values['window-ms']),
  };
  const result = await benchEstablished({
    ...(values.small ? SMALL : given),
    say: (line) => console.log(line),
  });
  console.log(`\n${figures(result.figures)}`);
  console.log(`\nall pairs: ${writeResult('established', result)}`);
});
