import { PICK_BUCKETS as BUCKETS, type PickAlgorithm, type PickBucket } from '../telemetry.js';
import type { Backend } from './backend.js';
import type { BackendTable } from './backend-table.js';

export interface Pick {
  readonly backend: Backend;
  readonly algorithm: PickAlgorithm;
  readonly bucket: PickBucket;
}

/** Up to this many backends all are looked at. */
const SIMPLE_MOST = 10;
/** More than that: at most this many are drawn. */
const DRAWS_MOST = 20;
/**
 * Averages of a few handshakes that differ by less than a fifth are equal as far as anybody can tell. Taking
 * the lower one each time would send everything to one of two equal backends for as long as it stays ahead.
 */
const CLEARLY_CHEAPER = 0.8;

/**
 * Picks the backend of a new connection by the power of two choices (Mitzenmacher, "The power of two
 * choices in randomized load balancing", 2001): of two drawn at random the cheaper.
 *
 * With few backends the two come from the best non-empty bucket. With many, backends are drawn without
 * replacement until two of the best bucket are found or 20 were looked at, so that the cost does not grow
 * with their number; then one of the best bucket seen serves. Those with a path to their node are drawn first: where
 * four of five machines are gone, one pick in a hundred would else see none of the living. A bucket of doubtful backends
 * is still picked from: a wrong guess beats a refusal.
 *
 * The table's order is changed: the draws are the first steps of a Fisher-Yates shuffle, which needs no memory.
 * `except` is passed over unless it is the only one. Returns undefined for an empty table.
 */
export function pick(
  table: BackendTable,
  nowMs: number,
  random: () => number,
  except?: Backend,
): Pick | undefined {
  const { backends, order } = table;
  const { length } = order;
  if (length === 0) return undefined;
  // With many, the draws pass it over: looking for it would cost more the more there are.
  if (length > SIMPLE_MOST + 1) return pickProbabilistic(table, nowMs, random, except);
  const at =
    except === undefined || length === 1 ? -1 : order.findIndex((index) => backends[index] === except);
  const count = at < 0 ? length : length - 1;
  if (at >= 0) swap(order, at, count);
  return count <= SIMPLE_MOST
    ? pickSimple(table, count, nowMs, random)
    : pickProbabilistic(table, nowMs, random, undefined);
}

/** Any backend as well as another, whatever is known of them. Undefined for an empty table. */
export function pickAtRandom(table: BackendTable, nowMs: number, random: () => number): Pick | undefined {
  const { backends } = table;
  if (backends.length === 0) return undefined;
  const at = Math.floor(random() * backends.length);
  return { backend: backends[at]!, algorithm: 'random', bucket: BUCKETS[table.bucket(at, nowMs)]! };
}

function pickSimple(table: BackendTable, count: number, nowMs: number, random: () => number): Pick {
  const { order } = table;
  let best = BUCKETS.length;
  // Members of the best bucket found so far are kept at the front.
  let members = 0;
  for (let i = 0; i < count; i += 1) {
    const bucket = table.bucket(order[i]!, nowMs);
    if (bucket > best) continue;
    if (bucket < best) {
      best = bucket;
      members = 0;
    }
    swap(order, i, members);
    members += 1;
  }
  const first = draw(order, 0, members, random);
  const chosen = members === 1 ? first : cheaper(table, first, draw(order, 1, members, random), nowMs);
  return { backend: table.backends[chosen]!, algorithm: 'simple', bucket: BUCKETS[best]! };
}

function pickProbabilistic(
  table: BackendTable,
  nowMs: number,
  random: () => number,
  except: Backend | undefined,
): Pick {
  const { backends, order, reachable } = table;
  const { length } = order;
  let looks = DRAWS_MOST;
  let best = -1;
  let bestBucket = BUCKETS.length;
  for (let i = 0; i < length && looks > 0; i += 1) {
    const drawn = draw(order, i, i < reachable ? reachable : length, random);
    if (except !== undefined && backends[drawn] === except) continue;
    looks -= 1;
    const bucket = table.bucket(drawn, nowMs);
    if (bucket === 0 && bestBucket === 0) {
      best = cheaper(table, best, drawn, nowMs);
      break;
    }
    if (bucket < bestBucket) {
      best = drawn;
      bestBucket = bucket;
    }
  }
  return { backend: backends[best]!, algorithm: 'probabilistic', bucket: BUCKETS[bestBucket]! };
}

/** Of two the cheaper; the first, which is a random one, where the difference says nothing. */
function cheaper(table: BackendTable, a: number, b: number, nowMs: number): number {
  return table.cost(b, nowMs) < CLEARLY_CHEAPER * table.cost(a, nowMs) ? b : a;
}

/** Step `at` of a Fisher-Yates shuffle of the first `count`: brings a random one of the rest to `at`. */
function draw(order: Int32Array, at: number, count: number, random: () => number): number {
  swap(order, at, at + Math.floor(random() * (count - at)));
  return order[at]!;
}

function swap(order: Int32Array, a: number, b: number): void {
  const kept = order[a]!;
  order[a] = order[b]!;
  order[b] = kept;
}
