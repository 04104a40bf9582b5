import { formatEndpoint } from '../../core/endpoint.js';
import type { Vips } from '../../core/vips.js';
import type { Engine, Lane } from '../engine/engine.js';
import type { Host } from '../engine/host.js';
import type { HostName } from '../engine/journal.js';
import type { Stream } from '../engine/seed.js';
import type { Orchestrator } from './orchestrator.js';

export const VIP_FILE = '/etc/minuteman/vips.json';

/** The roll-out of a change reaches a host within that time. */
const ROLL_OUT_MS = 500;
/** Of the writings so many are not atomic: for a while half of the file is there. */
const CLUMSY = 0.1;
const CLUMSY_MS = 5;

/** The VIP file on a host's disk, and who waits for it to change. */
export class VipFile {
  readonly host: Host;
  /** The host's wall time at the last writing, as the file system keeps it. */
  private touchedMs = Number.NEGATIVE_INFINITY;
  private readonly watchers = new Set<() => void>();

  constructor(host: Host) {
    this.host = host;
  }

  get content(): Uint8Array | undefined {
    return this.host.disk.get(VIP_FILE);
  }

  /** By the wall clock, which jumps: may be anything, also negative. */
  get ageMs(): number {
    return this.host.clock.wallMs() - this.touchedMs;
  }

  /** The octets must not change afterwards. */
  write(content: Uint8Array): void {
    this.host.disk.set(VIP_FILE, content);
    this.touchedMs = this.host.clock.wallMs();
    for (const changed of this.watchers) changed();
  }

  /** Calls `changed` at each writing, until the answer is called. */
  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => void this.watchers.delete(changed);
  }
}

/** Puts the orchestrator's truth as a file on every host, as a configuration management would. */
export class VipFiles {
  private readonly lane: Lane;
  private readonly stream: Stream;
  private readonly orchestrator: Orchestrator;
  private readonly files = new Map<HostName, VipFile>();
  private text: { readonly version: number; readonly content: Uint8Array } | undefined;

  constructor(engine: Engine, orchestrator: Orchestrator, hosts: readonly Host[]) {
    this.lane = engine.lane('roll-out');
    this.stream = engine.stream('roll-out');
    this.orchestrator = orchestrator;
    for (const host of hosts) this.files.set(host.name, new VipFile(host));
    orchestrator.follow(() => this.rollOut());
  }

  file(host: HostName): VipFile {
    return this.files.get(host)!;
  }

  /** Writes the file at once: to a host that came back with an old disk, or none. */
  restore(host: HostName): void {
    this.file(host).write(this.content());
  }

  private rollOut(): void {
    const first = this.orchestrator.version === 1;
    for (const file of this.files.values()) {
      if (first) file.write(this.content());
      else this.lane.after(this.stream.between(1, ROLL_OUT_MS), () => this.reach(file));
    }
  }

  private reach(file: VipFile): void {
    if (this.orchestrator.isAway(file.host.name)) return;
    const content = this.content();
    if (file.content === content) return;
    if (!this.stream.chance(CLUMSY)) {
      file.write(content);
      return;
    }
    file.write(content.slice(0, this.stream.below(content.length)));
    this.lane.after(CLUMSY_MS, () => {
      if (!this.orchestrator.isAway(file.host.name)) file.write(this.content());
    });
  }

  /** One array for each version: readers tell contents apart by it. */
  private content(): Uint8Array {
    const { version, vips } = this.orchestrator.history.at(-1)!;
    if (this.text?.version !== version) this.text = { version, content: vipsText(vips) };
    return this.text.content;
  }
}

function vipsText(vips: Vips): Uint8Array {
  const listed: Record<string, string[]> = {};
  for (const [vip, backends] of vips) listed[formatEndpoint(vip)] = [...backends].map(formatEndpoint);
  return new TextEncoder().encode(JSON.stringify({ vips: listed }, undefined, 1));
}
