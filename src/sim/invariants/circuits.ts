import type { BalancerMessage } from '../../actors/data-plane/balancer.js';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../core/endpoint.js';
import type { BackendStatus } from '../../core/status.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant, Verdicts } from './invariant.js';

/** As the production configuration has it. */
const THRESHOLD = 5;
const WINDOW_MS = 300_000;
const BACKOFF_MS = 30_000;
/** Near the end of a back-off the exact time of a failure decides, which is known only to so many milliseconds. */
const UNSURE_MS = 500;

interface Record {
  successes: number;
  failures: number;
  /** When the consecutive failures happened, on the host's clock. */
  failedAtMs: number[];
}

/** What is known of the backends that failed in one life of a daemon, by VIP. */
class Books {
  readonly life: object;
  /** Handshakes that failed, over all. */
  failures = 0;
  readonly records = new Map<Endpoint, Map<Endpoint, Record>>();
  /** VIPs with a backend whose last handshake failed: looked at after every message of their balancers. */
  readonly failing = new Set<Endpoint>();

  constructor(life: object) {
    this.life = life;
  }
}

/** Counts failures and successes by the backends' totals, and computes from them what the circuit must say. */
export const circuitsKeepCount: Invariant = {
  name: 'circuits-keep-count',
  promise:
    'a backend is unavailable exactly after 5 consecutive failures within 5 minutes, and may be tried again after 30 s',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const books = new Map<HostEyes, Books>();
    eyes.onMessage('balancer', 'after', ({ host, path, message }) => {
      const { kind } = message as BalancerMessage;
      if (kind !== 'observed' && kind !== 'expire' && kind !== 'resynchronise') return;
      const { daemon } = host;
      if (daemon === undefined) return;
      let book = books.get(host);
      if (book?.life !== daemon) {
        book = new Books(daemon);
        books.set(host, book);
      }
      const { refused, timedOut } = daemon.node.status.counters.handshakes;
      const failed = refused + timedOut !== book.failures;
      book.failures = refused + timedOut;
      if (!failed && book.failing.size === 0) return;
      const vip = vipOf(path);
      if (vip === undefined || (!failed && !book.failing.has(vip))) return;
      look(eyes, host, book, vip, verdicts);
    });
    return {};
  },
};

const vips = new Map<string, Endpoint>();

/** The VIP of a balancer's path. */
function vipOf(path: string): Endpoint | undefined {
  const known = vips.get(path);
  if (known !== undefined) return known;
  const vip = parseEndpoint(path.slice(path.lastIndexOf('/') + 1));
  if (vip !== undefined) vips.set(path, vip);
  return vip;
}

function look(eyes: Eyes, host: HostEyes, book: Books, vip: Endpoint, verdicts: Verdicts): void {
  const status = host.daemon?.node.status.vip(vip);
  if (status === undefined) return;
  const nowMs = host.at.host.clock.nowMs();
  const records = book.records.get(vip) ?? new Map<Endpoint, Record>();
  let failing = false;
  for (const backend of status.backends()) {
    const record = records.get(backend.backend);
    if (record === undefined && backend.failures === 0) continue;
    const known = record ?? { successes: 0, failures: 0, failedAtMs: [] };
    records.set(backend.backend, known);
    const failedAnew = backend.failures > known.failures;
    count(known, backend, nowMs);
    const what = judge(known, backend, nowMs);
    if (what !== undefined) {
      verdicts.broken(`${formatEndpoint(vip)}: ${formatEndpoint(backend.backend)} ${what}`, host.name);
    }
    const inARow = known.failedAtMs.length;
    if (inARow > 0) failing = true;
    if (!failedAnew || inARow < THRESHOLD || backend.available) continue;
    if (inARow === THRESHOLD) verdicts.sometimes('a circuit opened');
    if (inARow > THRESHOLD) verdicts.sometimes('a backend failed while its circuit was open');
    tryLater(eyes, host, book, vip, backend, verdicts);
  }
  if (records.size > 0) book.records.set(vip, records);
  if (failing) book.failing.add(vip);
  else book.failing.delete(vip);
}

/** Brings the record up to the totals; what happened since the last look happened now. */
function count(
  record: Record,
  { successes, failures, consecutiveFailures }: BackendStatus,
  nowMs: number,
): void {
  const more = failures - record.failures;
  const good = successes > record.successes;
  record.successes = successes;
  record.failures = failures;
  if (good) {
    // Which came first within one batch only the backend knows; it can have seen no more than these.
    record.failedAtMs = Array.from({ length: Math.min(more, consecutiveFailures) }, () => nowMs);
    return;
  }
  for (let i = 0; i < more; i += 1) record.failedAtMs.push(nowMs);
}

function judge(record: Record, status: BackendStatus, nowMs: number): string | undefined {
  const { failedAtMs } = record;
  if (status.consecutiveFailures !== failedAtMs.length) {
    return `says ${status.consecutiveFailures} failures in a row, and had ${failedAtMs.length}`;
  }
  const expected = mayBeTried(failedAtMs, nowMs);
  if (expected === undefined || expected === status.available) return undefined;
  const since = failedAtMs.map((atMs) => `${Math.round(nowMs - atMs)}`).join(', ');
  return `is ${status.available ? 'available' : 'unavailable'} with failures ${since} ms ago`;
}

/** Undefined when it is too close to tell. */
function mayBeTried(failedAtMs: readonly number[], nowMs: number): boolean | undefined {
  if (failedAtMs.length < THRESHOLD) return true;
  const newestMs = failedAtMs[failedAtMs.length - 1]!;
  const spanMs = newestMs - failedAtMs[failedAtMs.length - THRESHOLD]!;
  const restMs = nowMs - newestMs - BACKOFF_MS;
  if (Math.abs(spanMs - WINDOW_MS) < UNSURE_MS || Math.abs(restMs) < UNSURE_MS) return undefined;
  return spanMs > WINDOW_MS || restMs > 0;
}

/** Looks before and after the end of the back-off, unless another failure comes between. */
function tryLater(
  eyes: Eyes,
  host: HostEyes,
  book: Books,
  vip: Endpoint,
  { backend, failures }: BackendStatus,
  verdicts: Verdicts,
): void {
  const check = (): void => {
    if (host.daemon !== book.life || host.state === 'ended') return;
    for (const status of host.daemon.node.status.vip(vip)?.backends() ?? []) {
      if (status.backend !== backend || status.failures !== failures) continue;
      const record = book.records.get(vip)?.get(backend);
      if (record === undefined || record.successes !== status.successes) return;
      const what = judge(record, status, host.at.host.clock.nowMs());
      if (what !== undefined)
        verdicts.broken(`${formatEndpoint(vip)}: ${formatEndpoint(backend)} ${what}`, host.name);
      else if (status.available) verdicts.sometimes('a circuit half open after its back-off');
    }
  };
  const { rate } = host.at.host.clock;
  eyes.at(eyes.nowMs + (BACKOFF_MS - 2 * UNSURE_MS) / rate, check);
  eyes.at(eyes.nowMs + (BACKOFF_MS + 2 * UNSURE_MS) / rate, check);
}
