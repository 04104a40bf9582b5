import { commandLine, main, positive } from './command-line.js';
import { startDaemon } from './daemon.js';
import { type Idle, measureIdle } from './idle.js';
import { writeResult } from './load-programs.js';
import { measurePolling, type PollingOptions, type PollingPair } from './polling.js';
import { rssMegabytes } from './process-usage.js';
import { manyVips, type Propagation, propagate } from './propagation.js';
import { type Figure, figures, median, number } from './report.js';
import { onScene, type Scene, sleep } from './scene.js';

/**
 * What many VIPs cost: from a change of the source to the kernel's set; connect latency while a big Mesos
 * state is polled; and the daemon at rest, with one VIP (which the figures are about) and with all:
 *
 *     npm run bench:vips -- --vips 10000 --backends 10 --rounds 3
 */
export interface VipsOptions {
  readonly vips: number;
  readonly backends: number;
  /** How often each change is made. */
  readonly rounds: number;
  readonly polling: PollingOptions;
  /** How long the daemon is left alone before it is watched: its compiler and collector work on for a while. */
  readonly settleSeconds: number;
  readonly idleSeconds: number;
  readonly say: (line: string) => void;
}

export interface VipsResult {
  readonly propagation: readonly Propagation[];
  readonly polling: readonly PollingPair[];
  readonly idle: Idle;
  readonly idleWithVips: Idle;
  readonly figures: readonly Figure[];
}

export async function benchVips(options: VipsOptions): Promise<VipsResult> {
  const resting = await onScene((scene) => measureResting(scene, options));
  const polling = await onScene((scene) => measurePolling(scene, options.polling, options.say));
  return { ...resting, polling, figures: figuresOf(resting, polling, options) };
}

type Resting = Pick<VipsResult, 'propagation' | 'idle' | 'idleWithVips'>;

async function measureResting({ bed, directory }: Scene, options: VipsOptions): Promise<Resting> {
  const host = await bed.host('node', { address: '10.99.0.1' });
  const lonely = { '10.1.2.3:5000': ['10.99.0.11:8000'] };
  const daemon = await startDaemon(host, directory, lonely);
  await sleep(options.settleSeconds * 1000);
  const idle = await measureIdle(daemon.program.pid, options.idleSeconds);
  options.say(describeIdle('1 VIP', idle));

  const { vips, backends } = options;
  const [one, other] = [manyVips(10, vips, backends), manyVips(20, vips, backends)];
  const extra = '10.30.0.1:5000';
  const propagation: Propagation[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const changes = [
      { change: 'from one VIP to all', vips: one, newcomer: '10.10.0.1:5000' },
      { change: 'every VIP replaced', vips: other, newcomer: '10.20.0.1:5000' },
      { change: 'one VIP more', vips: { ...other, [extra]: lonely['10.1.2.3:5000'] }, newcomer: extra },
      { change: 'from all to one VIP', vips: lonely, newcomer: '10.1.2.3:5000' },
    ];
    for (const { change, vips: next, newcomer } of changes) {
      const done = await propagate(host, daemon, change, next, newcomer);
      propagation.push(done);
      options.say(
        `${round + 1}/${options.rounds} ${change}: ${done.vips} VIPs after ${done.tookMs.toFixed(0)} ms`,
      );
    }
  }
  await propagate(host, daemon, 'from one VIP to all', one, '10.10.0.1:5000');
  options.say(`RSS just after the changes: ${number(rssMegabytes(daemon.program.pid), 0)} MB`);
  await sleep(options.settleSeconds * 1000);
  const idleWithVips = await measureIdle(daemon.program.pid, options.idleSeconds);
  options.say(describeIdle(`${vips} VIPs`, idleWithVips));
  await daemon.stop();
  return { propagation, idle, idleWithVips };
}

function figuresOf(resting: Resting, polling: readonly PollingPair[], options: VipsOptions): Figure[] {
  const changes = [...new Set(resting.propagation.map(({ change }) => change))];
  return [
    ...changes.map(
      (change): Figure => ({
        name: `${options.vips} VIPs x ${options.backends} backends, ${change}`,
        value: median(
          resting.propagation.filter((done) => done.change === change).map((done) => done.tookMs),
        ),
        asked: 1000,
        bound: 'at most',
        unit: 'ms',
        digits: 0,
      }),
    ),
    {
      name: `connect p99, ${(options.polling.stateBytes / 1e6).toFixed(0)} MB state polled`,
      value: median(polling.map((pair) => pair.pollingP99Ms - pair.quietP99Ms)),
      asked: 5,
      bound: 'at most',
      unit: 'ms more',
    },
    {
      name: 'errors while polling',
      value: polling.reduce((sum, pair) => sum + pair.errors, 0),
      asked: 0,
      bound: 'at most',
      unit: 'errors',
      digits: 0,
    },
    {
      name: 'idle: RSS',
      value: resting.idle.rssMegabytes,
      asked: 100,
      bound: 'at most',
      unit: 'MB',
      digits: 0,
    },
    { name: 'idle: CPU', value: resting.idle.cpuPercent, asked: 0.5, bound: 'at most', unit: '% of a core' },
  ];
}

function describeIdle(what: string, idle: Idle): string {
  return `idle ${idle.seconds} s with ${what}: ${number(idle.cpuPercent)} % CPU, ${number(idle.rssMegabytes, 0)} MB RSS`;
}

/** Quick enough for the test suite. */
export const SMALL: Omit<VipsOptions, 'say'> = {
  vips: 500,
  backends: 10,
  rounds: 1,
  polling: { pairs: 1, durationMs: 1000, stateBytes: 1_000_000 },
  settleSeconds: 1,
  idleSeconds: 1,
};

await main(import.meta.url, async () => {
  const values = commandLine(
    "From a change of many VIPs to the kernel's set; polling beside connections; an idle daemon.",
    {
      vips: ['10000', 'how many'],
      backends: ['10', 'of each'],
      rounds: ['3', 'changes'],
      pairs: ['5', 'of seconds with and without polling'],
      'state-megabytes': ['10', "of the master's document"],
      'idle-seconds': ['20', 'how long an idle daemon is watched'],
      small: [false, 'as the tests run it'],
    },
  );
  const say = (line: string) => console.log(line);
  const result = await benchVips(
    values.small
      ? { ...SMALL, say }
      : {
          vips: positive('--vips', values.vips),
          backends: positive('--backends', values.backends),
          rounds: positive('--rounds', values.rounds),
          polling: {
            pairs: positive('--pairs', values.pairs),
            durationMs: 5000,
            stateBytes: positive('--state-megabytes', values['state-megabytes']) * 1_000_000,
          },
          settleSeconds: 10,
          idleSeconds: positive('--idle-seconds', values['idle-seconds']),
          say,
        },
  );
  console.log(`\n${figures(result.figures)}`);
  console.log(`\nall measurements: ${writeResult('vips', result)}`);
});
