import type { KernelQueue, QueueHost, QueueWatcher } from './packet-queues.js';

/** As long as the rules wait for a heartbeat. */
const SILENCE_MS = 3_000;
/** How often to look again while the daemon stays silent. */
const SWEEP_MS = 500;

/**
 * The small process beside a daemon that lets SYNs go which the kernel holds for it while it stands still. It
 * starts when a queue is opened, and anew whenever another one is opened or closed.
 */
export class QueueWarden implements QueueWatcher {
  private readonly host: Pick<QueueHost, 'nowMs' | 'after'>;
  private readonly queues = new Set<KernelQueue>();
  /** Of the warden that runs; undefined while none does. */
  private lastBeatMs: number | undefined;
  private looking = false;

  constructor(host: Pick<QueueHost, 'nowMs' | 'after'>) {
    this.host = host;
  }

  watch(queue: KernelQueue): void {
    this.queues.add(queue);
    this.lastBeatMs = this.host.nowMs;
    queue.filled = () => this.look();
  }

  unwatch(queue: KernelQueue): void {
    this.queues.delete(queue);
    this.lastBeatMs = this.host.nowMs;
  }

  /** The daemon is alive. */
  beat(): void {
    if (this.queues.size === 0) return;
    this.lastBeatMs = this.host.nowMs;
    this.look();
  }

  /** The daemon has ended, and so has the warden. */
  end(): void {
    this.queues.clear();
    this.lastBeatMs = undefined;
  }

  /** Looks three seconds after the last beat, and then every now and then, for as long as something is held. */
  private look(): void {
    if (this.looking || this.lastBeatMs === undefined || !this.holding()) return;
    this.looking = true;
    const { nowMs } = this.host;
    const firstMs = this.lastBeatMs + SILENCE_MS;
    const sweeps = nowMs < firstMs ? 0 : Math.floor((nowMs - firstMs) / SWEEP_MS) + 1;
    this.host.after(firstMs + sweeps * SWEEP_MS - nowMs, () => {
      this.looking = false;
      if (this.lastBeatMs === undefined) return;
      const silent = this.host.nowMs - this.lastBeatMs >= SILENCE_MS;
      if (silent) for (const queue of this.queues) if (queue.depth > 0) queue.letGo();
      this.look();
    });
  }

  private holding(): boolean {
    for (const queue of this.queues) if (queue.depth > 0) return true;
    return false;
  }
}
