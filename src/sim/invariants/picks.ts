import type { BalancerMessage } from '../../actors/data-plane/balancer.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { BackendStatus } from '../../core/status.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant, Verdicts } from './invariant.js';
import { Sampling } from './sampling.js';

/** Up to so many backends all are looked at; of more, so many at most. */
const ALL_LOOKED_AT = 10;
const LOOKS_MOST = 20;
/** Of two that differ by less than a fifth, either may serve. */
const CLEARLY_CHEAPER = 0.8;
/** Handshakes faster than this are equally good. */
const RESOLUTION_MS = 1;
/** What an unmeasured backend costs for each handshake in flight. */
const UNMEASURED = 1e9;

/** A pick as somebody sees it who knows what it could see and how often it drew. */
export interface SeenPick {
  readonly before: readonly BackendStatus[];
  readonly chosen: Endpoint;
  readonly draws: number;
}

/** What is wrong with a pick; undefined if it is one that the rules allow, whatever was drawn. */
export interface PickFaults {
  readonly snapshot?: string;
  readonly bucket?: string;
  readonly cheaper?: string;
  readonly looks?: string;
}

/**
 * Judges a pick without knowing which backends were drawn: whatever they were, the chosen one must have been able
 * to win. With many backends, that none of a better class was seen needs as many of the others as were looked at.
 */
export function judgePick({ before, chosen, draws }: SeenPick): PickFaults {
  const count = before.length;
  const own = before.find(({ backend }) => backend === chosen);
  if (own === undefined)
    return { snapshot: `${formatEndpoint(chosen)} was not among the ${count} backends it had` };
  const rank = rankOf(own);
  const better = before.filter((backend) => rankOf(backend) < rank).length;
  const rivals = before.filter((backend) => backend !== own && rankOf(backend) === rank);
  const few = count <= ALL_LOOKED_AT;
  const most = few ? 2 : Math.min(LOOKS_MOST, count);
  if (draws > most) return { looks: `${draws} draws among ${count} backends` };
  const name = `${formatEndpoint(chosen)} (class ${rank})`;
  const seen = few ? count : draws;
  if (better > count - seen)
    return { bucket: `${name} chosen with ${better} of a better class, ${seen} seen` };
  const stoppedEarly = !few && draws < most;
  if (stoppedEarly && (rank > 0 || rivals.length === 0)) {
    return { bucket: `${name} chosen after ${draws} looks only, and not of two of the best class` };
  }
  const compared = few ? rivals.length > 0 : stoppedEarly;
  if (compared) {
    const cost = costOf(own);
    const limit = CLEARLY_CHEAPER * cost * (1 - 1e-9);
    if (rivals.every((rival) => costOf(rival) < limit)) {
      return { cheaper: `${name} at ${cost.toFixed(2)} chosen, and every rival is clearly cheaper` };
    }
  }
  return {};
}

function rankOf({ available, reachable }: BackendStatus): number {
  if (!available) return 2;
  return reachable ? 0 : 1;
}

function costOf({ ewmaMs, pending }: BackendStatus): number {
  return ewmaMs === undefined ? pending * UNMEASURED : Math.max(RESOLUTION_MS, ewmaMs) * (pending + 1);
}

type Listener = (host: HostEyes, faults: PickFaults, pick: SeenPick) => void;

/** Watches picks and judges each once, for all invariants about them. */
class PickWatch {
  private readonly listeners: Listener[] = [];
  private readonly sampling = new Sampling();
  private underWay:
    | { readonly host: HostEyes; readonly before: BackendStatus[]; readonly drawn: number }
    | undefined;

  constructor(eyes: Eyes) {
    eyes.onMessage('balancer', 'before', ({ host, message }) => {
      const question = message as BalancerMessage;
      this.underWay = undefined;
      // One SYN at a time: of several the later picks see what the earlier did.
      if (question.kind !== 'place' || question.syns.length !== 1) return;
      if (!this.sampling.isDue()) return;
      const before = statusesOf(host, question.syns[0]!.vip);
      this.sampling.looked(before.length);
      this.underWay = { host, before, drawn: host.daemon?.drawn('balancers') ?? 0 };
    });
    eyes.onMessage('balancer', 'after', ({ host, message }) => {
      const { underWay } = this;
      this.underWay = undefined;
      if (underWay?.host !== host) return;
      const { vip } = (message as Extract<BalancerMessage, { kind: 'place' }>).syns[0]!;
      const draws = (host.daemon?.drawn('balancers') ?? 0) - underWay.drawn;
      if (draws === 0) return;
      const chosen = withOtherPending(underWay.before, host, vip);
      if (chosen !== undefined) {
        const pick: SeenPick = { before: underWay.before, chosen, draws };
        const faults = judgePick(pick);
        for (const listen of this.listeners) listen(host, faults, pick);
        return;
      }
      const pick: SeenPick = { before: underWay.before, chosen: 0 as Endpoint, draws };
      for (const listen of this.listeners) listen(host, { snapshot: 'it drew, and chose none it has' }, pick);
    });
  }

  listen(listener: Listener): void {
    this.listeners.push(listener);
  }
}

/** The first backend that has more or fewer handshakes pending than it had. */
function withOtherPending(
  before: readonly BackendStatus[],
  host: HostEyes,
  vip: Endpoint,
): Endpoint | undefined {
  let at = 0;
  for (const { backend, pending } of host.daemon?.node.status.vip(vip)?.backends() ?? []) {
    // A balancer tells of its backends in one order, as long as it is given no others.
    const then = before[at]?.backend === backend ? before[at] : before.find((one) => one.backend === backend);
    if (then?.pending !== pending) return backend;
    at += 1;
  }
  return undefined;
}

function statusesOf(host: HostEyes, vip: Endpoint): BackendStatus[] {
  return [...(host.daemon?.node.status.vip(vip)?.backends() ?? [])];
}

const watches = new WeakMap<Eyes, PickWatch>();

function pickInvariant(
  name: string,
  promise: string,
  fault: keyof PickFaults,
  look?: (pick: SeenPick, verdicts: Verdicts) => void,
): Invariant {
  return {
    name,
    promise,
    watch: (fleet, verdicts) => {
      const eyes = eyesOn(fleet);
      let watch = watches.get(eyes);
      if (watch === undefined) {
        watch = new PickWatch(eyes);
        watches.set(eyes, watch);
      }
      watch.listen((host, faults, pick) => {
        const what = faults[fault];
        if (what !== undefined) verdicts.broken(what, host.name);
        look?.(pick, verdicts);
      });
      return {};
    },
  };
}

export const pickFromSnapshot = pickInvariant(
  'pick-from-snapshot',
  'a pick is one of the backends that the balancer had when it picked',
  'snapshot',
);

export const pickBestClass = pickInvariant(
  'pick-best-class',
  'a pick is of the best class that it saw: reachable and available, available, the rest',
  'bucket',
  ({ before, chosen }, verdicts) => {
    const own = before.find(({ backend }) => backend === chosen);
    if (own !== undefined && rankOf(own) === 2)
      verdicts.sometimes('a pick from the rest: nothing looks available');
  },
);

export const pickCheaper = pickInvariant(
  'pick-cheaper',
  'of the two that were drawn the cheaper serves',
  'cheaper',
);

export const pickLooks = pickInvariant(
  'pick-looks',
  'a pick looks at 20 backends at most, and draws twice where there are few',
  'looks',
  ({ before, draws }, verdicts) => {
    if (before.length > ALL_LOOKED_AT) verdicts.sometimes('a probabilistic pick');
    if (draws === LOOKS_MOST) verdicts.sometimes('a probabilistic pick with 20 looks');
  },
);
