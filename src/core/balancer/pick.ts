import { PICK_BUCKETS as BUCKETS, type PickAlgorithm, type PickBucket } from '../telemetry.js';
import type { Backend } from './backend.js';

export interface Pick {
  readonly backend: Backend;
  readonly algorithm: PickAlgorithm;
  readonly bucket: PickBucket;
}

/** Up to this many backends all are looked at. */
export const SIMPLE_MOST = 10;
/** More than that: at most this many are drawn. */
const DRAWS_MOST = 20;

/** Index into `PICK_BUCKETS`, best first: takes traffic and has a path to its node; takes traffic; the rest. */
function bucketIndex(backend: Backend, nowMs: number): number {
  if (!backend.circuit.available(nowMs)) return 2;
  return backend.reachable ? 0 : 1;
}

function cheaper(a: Backend, b: Backend, nowMs: number): Backend {
  return b.cost(nowMs) < a.cost(nowMs) ? b : a;
}

/**
 * Picks the backend of a new connection by the power of two choices (Mitzenmacher, "The power of two
 * choices in randomized load balancing", 2001): of two drawn at random the cheaper.
 *
 * With few backends the two come from the best non-empty bucket. With many, backends are drawn without
 * replacement until two of the best bucket are found or 20 were looked at, so that the cost does not grow
 * with their number; then one of the best bucket seen serves. A bucket of doubtful backends is still picked
 * from: a wrong guess beats a refusal.
 *
 * `backends` is reordered: the draws are the first steps of a Fisher-Yates shuffle, which needs no memory.
 * `except` is passed over unless it is the only one. Returns undefined for an empty list.
 */
export function pick(
  backends: Backend[],
  nowMs: number,
  random: () => number,
  except?: Backend,
): Pick | undefined {
  const { length } = backends;
  if (length === 0) return undefined;
  // With many, the draws pass it over: looking for it would cost more the more there are.
  if (length > SIMPLE_MOST + 1) return pickProbabilistic(backends, nowMs, random, except);
  const at = except === undefined || length === 1 ? -1 : backends.indexOf(except);
  const count = at < 0 ? length : length - 1;
  if (at >= 0) swap(backends, at, count);
  return count <= SIMPLE_MOST
    ? pickSimple(backends, count, nowMs, random)
    : pickProbabilistic(backends, nowMs, random, undefined);
}

function pickSimple(backends: Backend[], count: number, nowMs: number, random: () => number): Pick {
  let best = BUCKETS.length;
  // Members of the best bucket found so far are kept at the front.
  let members = 0;
  for (let i = 0; i < count; i += 1) {
    const index = bucketIndex(backends[i]!, nowMs);
    if (index > best) continue;
    if (index < best) {
      best = index;
      members = 0;
    }
    swap(backends, i, members);
    members += 1;
  }
  const first = draw(backends, 0, members, random);
  const backend = members === 1 ? first : cheaper(first, draw(backends, 1, members, random), nowMs);
  return { backend, algorithm: 'simple', bucket: BUCKETS[best]! };
}

function pickProbabilistic(
  backends: Backend[],
  nowMs: number,
  random: () => number,
  except: Backend | undefined,
): Pick {
  const { length } = backends;
  let looks = DRAWS_MOST;
  let best: Backend | undefined;
  let bestIndex = BUCKETS.length;
  for (let i = 0; i < length && looks > 0; i += 1) {
    const drawn = draw(backends, i, length, random);
    if (drawn === except) continue;
    looks -= 1;
    const index = bucketIndex(drawn, nowMs);
    if (index === 0 && bestIndex === 0 && best !== undefined) {
      return { backend: cheaper(best, drawn, nowMs), algorithm: 'probabilistic', bucket: 'open-reachable' };
    }
    if (index < bestIndex) {
      best = drawn;
      bestIndex = index;
    }
  }
  return { backend: best!, algorithm: 'probabilistic', bucket: BUCKETS[bestIndex]! };
}

/** Step `at` of a Fisher-Yates shuffle of the first `count`: brings a random one of the rest to `at`. */
function draw(backends: Backend[], at: number, count: number, random: () => number): Backend {
  swap(backends, at, at + Math.floor(random() * (count - at)));
  return backends[at]!;
}

function swap(backends: Backend[], a: number, b: number): void {
  const kept = backends[a]!;
  backends[a] = backends[b]!;
  backends[b] = kept;
}
