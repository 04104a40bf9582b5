import type { LogLevel } from '../../ports/log.js';
import type { Engine } from './engine.js';

/** A host by its name, e.g. `n7`. */
export type HostName = string;

/**
 * What happens in a simulated world, as far as anybody watches: the invariants, the trace, the report. Endpoints
 * are numbers as in core/endpoint.ts. Everything is plain data.
 */
export type Happening =
  /** A SYN waits for a verdict. */
  | { kind: 'queued'; host: HostName; queue: number; id: number; client: number; vip: number }
  /** It passed without one: the queue was full or nobody held it. */
  | { kind: 'bypassed'; host: HostName; queue: number; client: number; vip: number; why: 'full' | 'unbound' }
  /** The end of its wait. `daemon`: its verdict; `warden`: the guard of a daemon that stands still; `kernel`: the queue was unbound. */
  | {
      kind: 'verdict';
      host: HostName;
      queue: number;
      id: number;
      client: number;
      vip: number;
      verdict: 'accept' | 'drop';
      by: 'daemon' | 'warden' | 'kernel';
      tookMs: number;
    }
  /** The daemon asked for a conntrack entry; `outcome` as in ports/conntrack.ts. */
  | {
      kind: 'mapped';
      host: HostName;
      client: number;
      vip: number;
      backend: number;
      outcome: 'made' | 'exists' | 'full' | 'error';
    }
  /** The daemon deleted an entry. */
  | { kind: 'unmapped'; host: HostName; client: number; vip: number; backend: number }
  /** The reset of a SYN that has no backend. */
  | { kind: 'rejected'; host: HostName; client: number; vip: number }
  /** A SYN towards a VIP left the host unmapped: it was on the wire with the VIP as its destination. */
  | { kind: 'leaked'; host: HostName; client: number; vip: number }
  /** The set of VIPs changed in the kernel; `by` is `daemon`, `fault`, or `boot`: a machine starts without. */
  | { kind: 'set'; host: HostName; name: string; size: number | undefined; by: string }
  /** Rules changed. */
  | { kind: 'rules'; host: HostName; by: string }
  /** A client's connection as the client sees it. `id` is unique in the run. */
  | { kind: 'connecting'; host: HostName; id: number; client: number; vip: number }
  | { kind: 'syn'; host: HostName; id: number; attempt: number }
  | { kind: 'connected'; host: HostName; id: number; tookMs: number; backend: number }
  /** A connection that stays asks something, and hears the answer. */
  | { kind: 'asked'; host: HostName; id: number }
  | { kind: 'answered'; host: HostName; id: number }
  | {
      kind: 'closed';
      host: HostName;
      id: number;
      why: 'done' | 'refused' | 'reset' | 'timeout' | 'abandoned' | 'unreachable' | 'host-ended';
    }
  /** A fault of the timeline begins or ends; the data is in the plan. */
  | { kind: 'fault'; index: number; phase: 'begins' | 'ends' }
  | {
      kind: 'daemon';
      host: HostName;
      state: 'started' | 'ready' | 'stopped' | 'killed' | 'gave-up' | 'paused' | 'resumed';
    }
  /** The world's truth about the VIPs changed (the orchestrator's, or a file's). */
  | { kind: 'desired'; version: number }
  | {
      kind: 'log';
      host: HostName;
      level: LogLevel;
      event: string;
      message: string;
      fields: Readonly<Record<string, unknown>> | undefined;
    }
  | { kind: 'violation'; invariant: string; host: HostName | undefined; what: string };

export type HappeningKind = Happening['kind'];

type Reader = (happening: Happening, atMs: number) => void;

/** Tells everybody who watches what happens, in order, and folds it into the run's hash. */
export class Journal {
  private readonly engine: Engine;
  private readonly readers: {
    readonly read: Reader;
    readonly kinds: readonly HappeningKind[] | undefined;
  }[] = [];
  /** Who reads of a kind, in the order of coming. */
  private readonly byKind = new Map<HappeningKind, readonly Reader[]>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** `read` must not change the world. It is told of `kinds` alone, if they are given. */
  follow(read: Reader, kinds?: readonly HappeningKind[]): void {
    this.readers.push({ read, kinds });
    this.byKind.clear();
  }

  write(happening: Happening): void {
    if (this.engine.hashes) this.fold(happening);
    this.tell(happening);
  }

  /** Tells the readers alone, of what is an opinion about the run and no part of it. */
  tell(happening: Happening): void {
    for (const read of this.byKind.get(happening.kind) ?? this.gather(happening.kind))
      read(happening, this.engine.nowMs);
  }

  private gather(kind: HappeningKind): readonly Reader[] {
    const concerned = this.readers.filter(({ kinds }) => kinds?.includes(kind) ?? true);
    const readers = concerned.map(({ read }) => read);
    this.byKind.set(kind, readers);
    return readers;
  }

  private fold(happening: Happening): void {
    const { hash } = this.engine;
    if (happening.kind !== 'log') {
      for (const key in happening) hash.add(happening[key as keyof Happening]);
      return;
    }
    const { kind, host, level, event, message, fields } = happening;
    for (const text of [kind, host, level, event, message]) hash.addText(text);
    // Where the code lies, and on which lines, is no part of what happened.
    hash.add(fields && { ...fields, stack: undefined });
  }
}
