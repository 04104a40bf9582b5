import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Happening } from '../engine/journal.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant, Verdicts, Watch } from './invariant.js';

/**
 * Two deadlines of the worker (100 ms each) on a timer that may begin to run up to one deadline early, and a
 * little for a clock that runs slow.
 */
const DECIDED_MOST_MS = 320;
/** The daemon's last heartbeat, three seconds of silence, and the warden's own look a second later at most. */
const FREED_MOST_MS = 4_500;

interface Waiting {
  readonly host: HostEyes;
  readonly client: number;
  readonly vip: number;
  readonly sinceMs: number;
  /** When it should have its verdict, as far as is known. */
  lookMs: number;
}

/** What waits on one host, in the order of `lookMs`. */
interface Held {
  readonly packets: Map<number, Waiting>;
  /** Whether somebody is going to look. */
  looking: boolean;
}

/** Every SYN that is queued is decided on once, and in time, whatever becomes of the daemon. */
export const oneVerdict: Invariant = {
  name: 'one-verdict',
  promise:
    'each queued packet gets exactly one verdict: within 0.3 s from a daemon that runs, within 4.5 s whatever the daemon does',
  watch: (fleet, verdicts) => new PacketWatch(eyesOn(fleet), verdicts),
};

class PacketWatch implements Watch {
  readonly hears = ['queued', 'verdict', 'bypassed'] as const;
  private readonly eyes: Eyes;
  private readonly verdicts: Verdicts;
  private readonly waiting = new Map<string, Held>();

  constructor(eyes: Eyes, verdicts: Verdicts) {
    this.eyes = eyes;
    this.verdicts = verdicts;
  }

  readonly happened = (happening: Happening, atMs: number): void => {
    switch (happening.kind) {
      case 'queued':
        this.queued(happening, atMs);
        break;
      case 'verdict':
        this.decided(happening);
        break;
      case 'bypassed':
        this.verdicts.sometimes(`a SYN passed by: queue ${happening.why}`);
        break;
    }
  };

  private queued(news: Extract<Happening, { kind: 'queued' }>, atMs: number): void {
    const host = this.eyes.host(news.host);
    const held = this.heldBy(news.host);
    const key = keyOf(news);
    const { packets } = held;
    if (packets.has(key)) {
      this.verdicts.broken(`packet ${news.id} was queued while it waits for a verdict already`, news.host);
    }
    const lookMs = atMs + DECIDED_MOST_MS;
    packets.set(key, { host, client: news.client, vip: news.vip, sinceMs: atMs, lookMs });
    if (!held.looking) this.lookAt(lookMs, held);
  }

  /** Most have their verdict by then, and one look does for them. */
  private lookAt(atMs: number, held: Held): void {
    held.looking = true;
    this.eyes.at(atMs, () => {
      held.looking = false;
      for (const [key, waiting] of held.packets) {
        if (waiting.lookMs > this.eyes.nowMs) {
          this.lookAt(waiting.lookMs, held);
          return;
        }
        held.packets.delete(key);
        if (!this.mayWait(waiting)) continue;
        waiting.lookMs = this.eyes.nowMs + DECIDED_MOST_MS;
        held.packets.set(key, waiting);
      }
    });
  }

  private decided(news: Extract<Happening, { kind: 'verdict' }>): void {
    const held = this.heldBy(news.host);
    if (!held.packets.delete(keyOf(news))) {
      this.verdicts.broken(`packet ${news.id} got a verdict that it did not wait for`, news.host);
    }
    if (news.by === 'warden') this.verdicts.sometimes('the warden let a SYN go');
    if (news.by === 'kernel') this.verdicts.sometimes('the kernel let go of what an ended daemon held');
  }

  /** Says so if it waits for too long; answers whether it may go on waiting. */
  private mayWait(waiting: Waiting): boolean {
    const { eyes } = this;
    const { host, sinceMs } = waiting;
    // A machine that ended took its packets along; one that stands still holds its breath.
    if (eyes.disturbances.between(sinceMs, eyes.nowMs, ['panic', 'host-killed'], host.name)) return false;
    // A worker that starts anew begins with what its queue still holds.
    const fromMs = Math.max(sinceMs, host.lastCrashMs);
    const waitedMs = eyes.nowMs - sinceMs;
    const most = eyes.ranWell(host, fromMs + 0.001) ? DECIDED_MOST_MS : FREED_MOST_MS;
    const pausedMachine = eyes.disturbances.between(sinceMs, eyes.nowMs, ['host-paused'], host.name);
    if (pausedMachine || eyes.nowMs - fromMs < most) return true;
    const flow = `${formatEndpoint(waiting.client as Endpoint)} to ${formatEndpoint(waiting.vip as Endpoint)}`;
    this.verdicts.broken(
      `the SYN of ${flow} still waits for a verdict after ${Math.round(waitedMs)} ms`,
      host.name,
    );
    return false;
  }

  private heldBy(host: string): Held {
    let held = this.waiting.get(host);
    if (held === undefined) {
      held = { packets: new Map(), looking: false };
      this.waiting.set(host, held);
    }
    return held;
  }
}

function keyOf({ queue, id }: { readonly queue: number; readonly id: number }): number {
  return queue * 2 ** 32 + id;
}
