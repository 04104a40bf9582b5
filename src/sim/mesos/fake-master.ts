import { gzipSync } from 'node:zlib';
import { addressOf, type Endpoint, endpoint, formatAddress } from '../../core/endpoint.js';
import type { Vips } from '../../core/vips.js';
import type { Engine } from '../engine/engine.js';
import type { Host } from '../engine/host.js';
import type { HostName } from '../engine/journal.js';
import { Process } from '../engine/process.js';
import type { Stream } from '../engine/seed.js';
import type { ByteStream, StreamEvents } from '../network/byte-stream.js';
import type { Network } from '../network/network.js';
import type { Fault } from '../plan/plan.js';
import { answerHead, MessageReader } from './http-message.js';
import type { Orchestrator } from './orchestrator.js';
import { type Leadership, stateDocument } from './state-document.js';
import { type Task, vipsOf } from './task.js';

export const MASTER_PORT = 5050;

type Trouble = Extract<Fault, { kind: 'master' }>['how'];

/** A document as it went out, at least once. */
export interface ServedDocument {
  readonly builtMs: number;
  /** The orchestrator's version it shows. */
  readonly version: number;
  readonly electedTime: number;
  /** Hosts whose agents are in it. */
  readonly registered: ReadonlySet<HostName>;
  /** What it says of VIPs. */
  readonly vips: Vips;
}

interface Cached {
  readonly says: ServedDocument;
  readonly registrations: number;
  readonly text: string;
  readonly zipped: Uint8Array;
}

export interface FakeMasterOptions {
  readonly engine: Engine;
  readonly network: Network;
  /** Where the master runs; attached to the network. */
  readonly host: Host;
  /** Where agents run. */
  readonly hosts: readonly Host[];
  readonly orchestrator: Orchestrator;
  /** A document is served for so long before it is written anew; 5 s in real masters. */
  readonly cacheMs?: number;
}

const CACHE_MS = 5_000;
/** After a fail-over nobody leads for a while. */
const LEADERLESS_MS = { least: 500, most: 3_000 };
/** Agents register with a new master after a random back-off; some take long. */
const REGISTER_MS = { least: 500, most: 15_000, slow: 120_000, slowShare: 0.05 };
const THINK_MS = 2;
/** What a slow master takes for an answer: readers wait 10 s. */
const LATE_MS = { least: 500, most: 15_000 };
const DRIPS = 20;

/**
 * A Mesos master on a host of its own: answers `GET /master/state` with octets, gzip as real ones do, from a cache
 * that lags up to 5 s behind the orchestrator's truth.
 */
export class FakeMaster {
  readonly at: Endpoint;
  readonly process: Process;
  /** Different documents that were served, in the order of their first time. */
  readonly served: ServedDocument[] = [];
  /** Requests so far. */
  requests = 0;
  /** Since when all agents are registered with the master that leads; never while one is not. */
  completeSinceMs = 0;
  private readonly options: FakeMasterOptions;
  private readonly stream: Stream;
  /** Faults in force; the one that came last shows. */
  private readonly troubles: { readonly how: Trouble }[] = [];
  private readonly registered = new Set<HostName>();
  private registrations = 0;
  private elections = 0;
  private leadership: Leadership;
  private leaderlessUntilMs = 0;
  private cache: Cached | undefined;
  /** The last document of the master that led before. */
  private deposed: Cached | undefined;
  private firstTasks: readonly Task[] = [];
  private listening: { close(): void } | undefined;

  constructor(options: FakeMasterOptions) {
    const { engine, host } = options;
    this.options = options;
    this.stream = engine.stream('master');
    this.process = new Process(engine, host.lane, host.clock);
    this.at = endpoint(host.address, MASTER_PORT);
    this.leadership = this.elect();
  }

  /** The orchestrator has begun: agents are registered, and the master listens. */
  begin(): void {
    for (const { name } of this.options.hosts) this.registered.add(name);
    this.firstTasks = this.options.orchestrator.tasks();
    this.listen();
  }

  /** Puts a fault in force until the answer is called; a fail-over happens at once and needs no undo. */
  fault({ how }: Extract<Fault, { kind: 'master' }>): () => void {
    if (how === 'fail-over') {
      this.failOver();
      return () => {};
    }
    const trouble = { how };
    this.troubles.push(trouble);
    this.listenOrNot();
    return () => {
      this.troubles.splice(this.troubles.indexOf(trouble), 1);
      this.listenOrNot();
    };
  }

  /** The last document this master would serve now, without any fault. */
  document(): ServedDocument {
    return this.current().says;
  }

  private get trouble(): Trouble | undefined {
    return this.troubles.at(-1)?.how;
  }

  private listen(): void {
    const { network, host } = this.options;
    this.listening ??= network.listen(host, this.process, MASTER_PORT, (stream) => this.serve(stream));
  }

  private listenOrNot(): void {
    if (this.trouble !== 'down') this.listen();
    else {
      this.listening?.close();
      this.listening = undefined;
    }
  }

  private serve(stream: ByteStream): StreamEvents {
    const request = new MessageReader();
    return {
      data: (bytes) => {
        request.add(bytes);
        if (request.head === undefined) return;
        this.requests += 1;
        this.process.start(THINK_MS, () => this.answer(stream));
      },
      closed: () => {},
    };
  }

  private answer(stream: ByteStream): void {
    switch (this.trouble) {
      case 'down':
        stream.abort();
        return;
      case 'hanging':
        return;
      case 'late':
        this.process.start(this.stream.between(LATE_MS.least, LATE_MS.most), () =>
          this.deliver(stream, this.current()),
        );
        return;
      case 'dripping':
        this.drip(stream);
        return;
      case 'error-500':
        respond(stream, 500, text('Internal Server Error'));
        return;
      case 'garbage':
        respond(stream, 200, text('<html><body>Welcome to nginx!</body></html>\n'));
        return;
      case 'empty':
        respond(stream, 200, text(this.stream.chance(0.5) ? '' : '{}'));
        return;
      case 'truncated':
        this.truncate(stream);
        return;
      case 'standby':
        respond(stream, 200, text(JSON.stringify(this.standby())));
        return;
      case 'stale':
        this.deposed ??= this.earlier();
        this.deliver(stream, this.deposed);
        return;
      default:
        if (this.options.engine.nowMs < this.leaderlessUntilMs) respond(stream, 503, text('No leader'));
        else this.deliver(stream, this.current());
    }
  }

  private deliver(stream: ByteStream, document: Cached): void {
    this.note(document);
    respond(stream, 200, document.zipped, 'gzip');
  }

  private note({ says }: Cached): void {
    if (this.served.at(-1) !== says && !this.served.includes(says)) this.served.push(says);
  }

  /** The document as it was when it was asked for, in pieces. */
  private drip(stream: ByteStream): void {
    const document = this.current();
    this.note(document);
    const { zipped } = document;
    const piece = Math.ceil(zipped.length / DRIPS);
    const everyMs = this.stream.between(LATE_MS.least, LATE_MS.most) / DRIPS;
    stream.send(answerHead(200, zipped.length, 'gzip'));
    const next = (from: number): void => {
      if (from >= zipped.length) {
        stream.close();
        return;
      }
      stream.send(zipped.slice(from, from + piece));
      this.process.start(everyMs, () => next(from + piece));
    };
    next(0);
  }

  /** Half of what was announced, or a whole answer with half of the document. */
  private truncate(stream: ByteStream): void {
    const { zipped, text: whole } = this.current();
    if (this.stream.chance(0.5)) {
      stream.send(answerHead(200, zipped.length, 'gzip'));
      stream.send(zipped.subarray(0, zipped.length >> 1));
      stream.close();
    } else {
      respond(stream, 200, text(whole.slice(0, whole.length >> 1)));
    }
  }

  /** A master that waits for its turn knows nobody. */
  private standby(): Record<string, unknown> {
    const pid = `master@${formatAddress(addressOf(this.at) + 1)}:${MASTER_PORT}`;
    return stateDocument(
      { electedTime: undefined, id: 'standby', pid, leader: this.leadership.leader },
      [],
      [],
    );
  }

  private current(): Cached {
    const { engine, orchestrator, hosts, cacheMs = CACHE_MS } = this.options;
    const { cache } = this;
    if (cache !== undefined) {
      const unchanged =
        cache.says.version === orchestrator.version && cache.registrations === this.registrations;
      if (unchanged || engine.nowMs - cache.says.builtMs < cacheMs) return cache;
    }
    const registered = new Set(hosts.map(({ name }) => name).filter((name) => this.registered.has(name)));
    const isLost = (name: HostName): boolean => orchestrator.isLost(name);
    this.cache = this.build(this.leadership, registered, orchestrator.tasks(), isLost, orchestrator.version);
    return this.cache;
  }

  private build(
    leadership: Leadership,
    registered: ReadonlySet<HostName>,
    all: readonly Task[],
    isLost: (host: HostName) => boolean,
    version: number,
  ): Cached {
    const { engine, hosts } = this.options;
    const agents = hosts
      .filter(({ name }) => registered.has(name))
      .map((host) => ({ host, active: !isLost(host.name) }));
    const tasks = all.filter((task) => registered.has(task.host));
    const vips = new Map<Endpoint, Set<Endpoint>>();
    for (const task of tasks) {
      const { backend, host, state, healthy } = task;
      if (state !== 'running' || !healthy || isLost(host)) continue;
      for (const vip of vipsOf(task)) {
        const backends = vips.get(vip);
        if (backends === undefined) vips.set(vip, new Set([backend]));
        else backends.add(backend);
      }
    }
    const written = JSON.stringify(stateDocument(leadership, agents, tasks));
    return {
      says: {
        builtMs: engine.nowMs,
        version,
        electedTime: leadership.electedTime ?? 0,
        registered,
        vips,
      },
      registrations: this.registrations,
      text: written,
      zipped: gzipSync(written, { level: 1 }),
    };
  }

  /** What a master of an earlier time would say, if there was none: how it all began. */
  private earlier(): Cached {
    const electedTime = this.leadership.electedTime! - 3_600;
    const pid = `master@${formatAddress(addressOf(this.at) + 2)}:${MASTER_PORT}`;
    const registered = new Set(this.options.hosts.map(({ name }) => name));
    const leadership = { electedTime, id: 'deposed', pid, leader: pid };
    return this.build(leadership, registered, this.firstTasks, () => false, 1);
  }

  /** Another master leads: it knows no agent before these register with it. */
  private failOver(): void {
    const { engine, hosts, orchestrator } = this.options;
    this.deposed = this.current();
    this.leadership = this.elect();
    const election = this.elections;
    this.leaderlessUntilMs = engine.nowMs + this.stream.between(LEADERLESS_MS.least, LEADERLESS_MS.most);
    this.cache = undefined;
    this.registered.clear();
    this.completeSinceMs = Number.POSITIVE_INFINITY;
    this.registrations += 1;
    const register = (name: HostName): void => {
      const most = this.stream.chance(REGISTER_MS.slowShare) ? REGISTER_MS.slow : REGISTER_MS.most;
      this.process.start(this.stream.between(REGISTER_MS.least, most), () => {
        if (election !== this.elections) return;
        if (orchestrator.isAway(name)) {
          // Its machine is away: it tries again when it can.
          register(name);
          return;
        }
        this.registered.add(name);
        if (this.registered.size === hosts.length) this.completeSinceMs = engine.nowMs;
        this.registrations += 1;
      });
    };
    for (const { name } of hosts) register(name);
  }

  private elect(): Leadership {
    this.elections += 1;
    const { host } = this.options;
    const pid = `master@${formatAddress(addressOf(this.at) + 10 + this.elections)}:${MASTER_PORT}`;
    return {
      electedTime: Math.round(host.clock.wallMs()) / 1_000,
      id: `election-${this.elections}`,
      pid,
      leader: pid,
    };
  }
}

function respond(stream: ByteStream, status: number, body: Uint8Array, encoding?: string): void {
  stream.send(answerHead(status, body.length, encoding));
  stream.send(body);
  stream.close();
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
