import { type Daemon, startDaemon } from './daemon.js';
import { ROOT, runLoad, startAccept } from './load-programs.js';
import { type Scene, sleep } from './scene.js';

export interface PollingOptions {
  readonly pairs: number;
  readonly durationMs: number;
  readonly stateBytes: number;
}

/** One turn each of two daemons that balance alike; only one of them also polls a Mesos master. */
export interface PollingPair {
  readonly quietP99Ms: number;
  readonly pollingP99Ms: number;
  /** Answers the master gave during the polling turn. */
  readonly polls: number;
  readonly errors: number;
}

const VIP = '10.1.2.3:5000';
const MASTER = '10.99.0.9';
const POLL_INTERVAL_MS = 500;
/** New connections a second: enough to meet every hiccup, not enough to queue up by themselves. */
const PER_SECOND = 1000;

/**
 * Connect latency while a big Mesos state is polled, against the same without polling. The daemon that is
 * not at its turn is stopped, so that its polling does not weigh on the other's figures.
 */
export async function measurePolling(
  { bed, directory }: Scene,
  options: PollingOptions,
  say: (line: string) => void,
): Promise<PollingPair[]> {
  const backend = await bed.host('backend', { address: '10.99.0.11' });
  await startAccept(backend, 8000);
  const vips = { [VIP]: [`${backend.address}:8000`] };
  const host = await bed.host('master', { address: MASTER });
  const server = [`${ROOT}/build/js/bench/state-server.js`, MASTER, '5050', String(options.stateBytes)];
  const master = await host.spawn(process.execPath, server);
  await master.waitForLine(/^listening$/);
  const polls = () => master.lines.filter((line) => line === 'polled').length;

  const quietHost = await bed.host('quiet', { address: '10.99.0.1' });
  const pollingHost = await bed.host('polling', { address: '10.99.0.2' });
  const quiet = await startDaemon(quietHost, directory, vips);
  const source = {
    type: 'mesos-master',
    url: `http://${MASTER}:5050`,
    pollInterval: `${POLL_INTERVAL_MS}ms`,
  };
  const polling = await startDaemon(pollingHost, directory, vips, { sources: [source] });
  await sleep(2000);
  if (polls() === 0)
    throw new Error(`the master was not polled:\n${polling.program.lines.slice(-5).join('\n')}`);

  const load = { targets: [VIP], concurrency: 8, perSecond: PER_SECOND, durationMs: options.durationMs };
  const turn = async (own: Daemon, other: Daemon, from: typeof quietHost) => {
    process.kill(other.program.pid, 'SIGSTOP');
    process.kill(own.program.pid, 'SIGCONT');
    await sleep(1000);
    await runLoad(from, { ...load, durationMs: 300 });
    const before = polls();
    const run = await runLoad(from, load);
    return { p99Ms: run.connect.p99 / 1000, errors: run.failures, polls: polls() - before };
  };
  const pairs: PollingPair[] = [];
  for (let at = 0; at < options.pairs; at++) {
    const without = await turn(quiet, polling, quietHost);
    const during = await turn(polling, quiet, pollingHost);
    pairs.push({
      quietP99Ms: without.p99Ms,
      pollingP99Ms: during.p99Ms,
      polls: during.polls,
      errors: without.errors + during.errors,
    });
    const text = `p99 ${without.p99Ms.toFixed(2)} ms, with ${during.polls} polls ${during.p99Ms.toFixed(2)} ms`;
    say(`polling ${at + 1}/${options.pairs}: ${text}, ${pairs.at(-1)!.errors} errors`);
  }
  process.kill(quiet.program.pid, 'SIGCONT');
  await Promise.all([quiet.stop(), polling.stop(), master.stop()]);
  return pairs;
}
