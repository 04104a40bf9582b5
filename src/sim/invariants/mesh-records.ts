import type { GossipActorMessage } from '../../actors/cluster/messages.js';
import type { Received } from '../../core/cluster/messages.js';
import {
  compareVersions,
  RECORD_KINDS,
  type RecordKind,
  type SealedRecord,
} from '../../core/cluster/record.js';
import type { MemberRecords } from '../../core/cluster/record-table.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import type { HostEyes } from './eyes.js';
import type { MeshEyes } from './mesh-eyes.js';
import { meshInvariant } from './mesh-invariant.js';

/** A record that changed in a member's table. */
interface Stored {
  readonly host: HostEyes;
  readonly origin: Endpoint;
  readonly sealed: SealedRecord;
  /** What stood there in the same life of the daemon. */
  readonly before: SealedRecord | undefined;
}

/** Looks through tables for what is new in them, once for all invariants about it. */
class TableWatch {
  private readonly seen = new Map<
    HostName,
    { life: unknown; revision: number; members: Map<Endpoint, Readonly<MemberRecords>> }
  >();
  private readonly listeners: ((stored: Stored) => void)[] = [];

  constructor({ eyes }: MeshEyes) {
    eyes.onMessage('gossip', 'after', ({ host }) => this.look(host));
  }

  listen(listener: (stored: Stored) => void): void {
    this.listeners.push(listener);
  }

  /** Looks now: an actor that starts publishes before its first message. */
  look(host: HostEyes): void {
    const table = host.daemon?.node.cluster?.table;
    if (table === undefined) return;
    let seen = this.seen.get(host.name);
    if (seen?.life !== host.daemon) {
      seen = { life: host.daemon, revision: -1, members: new Map() };
      this.seen.set(host.name, seen!);
    }
    if (seen!.revision === table.revision) return;
    seen!.revision = table.revision;
    const members = new Map<Endpoint, Readonly<MemberRecords>>();
    for (const [origin, records] of table.entries()) {
      const before = seen!.members.get(origin);
      members.set(origin, { ...records });
      for (const kind of RECORD_KINDS) {
        const sealed = records[kind];
        if (sealed === undefined || sealed === before?.[kind]) continue;
        const stored = { host, origin, sealed, before: before?.[kind] };
        for (const listen of this.listeners) listen(stored);
      }
    }
    seen!.members = members;
  }
}

const watches = new WeakMap<MeshEyes, TableWatch>();

function tableWatchOf(mesh: MeshEyes): TableWatch {
  let watch = watches.get(mesh);
  if (watch === undefined) {
    watch = new TableWatch(mesh);
    watches.set(mesh, watch);
  }
  return watch;
}

/** Whoever lost its disk learns from the others what it published before, and publishes above it. */
const CAUGHT_UP_MS = 5_000;

export const versionsGrow = meshInvariant(
  'versions-grow',
  'what a node publishes has a higher version than all before, also after restarts; who lost its disk is there in 5 s',
  (mesh, verdicts) => {
    const highest = new Map<Endpoint, { readonly sealed: SealedRecord; readonly life: unknown }>();
    const behind = new Map<Endpoint, number>();
    tableWatchOf(mesh).listen(({ host, origin, sealed }) => {
      if (origin !== host.daemon?.node.cluster?.self) return;
      const before = highest.get(origin);
      const life = host.daemon;
      const order = before === undefined ? 1 : compareVersions(sealed.record, before.sealed.record);
      if (order > 0) {
        highest.set(origin, { sealed, life });
        behind.delete(origin);
      } else if (before!.life === life && !behind.has(origin)) {
        verdicts.broken(`published ${versionOf(sealed)} after ${versionOf(before!.sealed)}`, host.name);
      } else if (!forgot(mesh, host)) {
        verdicts.broken(
          `published ${versionOf(sealed)} after a restart, and ${versionOf(before!.sealed)} before it`,
          host.name,
        );
      } else {
        if (!behind.has(origin)) behind.set(origin, mesh.nowMs);
        verdicts.sometimes('a node forgot what it had published');
      }
    });
    mesh.onSample(() => {
      for (const { at, name, cluster: own } of mesh.members()) {
        const sinceMs = behind.get(at);
        if (sinceMs === undefined || mesh.pieces().size < 2) continue;
        if (mesh.nowMs - sinceMs < CAUGHT_UP_MS || mesh.honestMs < CAUGHT_UP_MS || mesh.divided) continue;
        const ours = own.table.get(at)?.adjacency;
        if (ours === undefined) continue;
        const known = mesh.members().some(({ cluster }) => {
          const theirs = cluster.table.get(at)?.adjacency;
          return theirs !== undefined && compareVersions(theirs.record, ours.record) > 0;
        });
        if (known) verdicts.broken('publishes below what it published once, and others know', name);
      }
    });
    return {};
  },
);

/** Whether the host's disk did not keep what was written to it, at some time of the run. */
function forgot({ eyes }: MeshEyes, { name }: HostEyes): boolean {
  return eyes.fleet.plan.faults.some(({ atMs, fault }) => {
    if (!('host' in fault) || fault.host !== name || atMs > eyes.nowMs) return false;
    if (fault.kind === 'panic' || fault.kind === 'host-killed') return fault.wiped;
    return fault.kind === 'disk-rolled-back' || fault.kind === 'disk-read-only';
  });
}

function numberOf({ kind, origin, epoch, counter }: SealedRecord['record']): string {
  return `${kind} ${origin} ${epoch}.${counter}`;
}

/** Lies are refuted within 2 s each, and have to travel. */
const BELIEVED_MOST_MS = 5_000;

export const recordsTrue = meshInvariant(
  'records-true',
  'a record that a member keeps was published by its origin; a lie is believed for 5 s at most',
  (mesh, verdicts) => {
    const published = new Map<Endpoint, Set<string>>();
    /** The versions of all that was published, whatever it said. */
    const numbers = new Set<string>();
    /** An actor that crashes publishes twice within one event, and only the last of it is seen here. */
    const wasOverwritten = (speaker: HostEyes, { record }: SealedRecord): boolean => {
      const last = speaker.daemon?.node.cluster?.table.record(record.origin, record.kind)?.record;
      if (last === undefined || compareVersions(last, record) <= 0 || numbers.has(numberOf(record)))
        return false;
      return mesh.eyes.fleet.plan.faults.some(
        ({ atMs, fault }) =>
          fault.kind === 'actor-crash' && fault.host === speaker.name && atMs <= mesh.eyes.nowMs,
      );
    };
    const lies = new Set<string>();
    const doubtful = new Map<Endpoint, { readonly host: HostEyes; readonly sealed: SealedRecord }[]>();
    const tables = tableWatchOf(mesh);
    tables.listen(({ host, origin, sealed }) => {
      const text = textOf(sealed);
      if (origin === host.daemon?.node.cluster?.self) {
        const own = published.get(origin) ?? new Set();
        published.set(origin, own.add(text));
        numbers.add(numberOf(sealed.record));
        return;
      }
      if (published.get(origin)?.has(text) === true) return;
      const speaker = mesh.nameAt(origin);
      if (speaker !== undefined) tables.look(mesh.eyes.host(speaker));
      if (published.get(origin)?.has(text) === true) return;
      if (mesh.liars.size === 0) {
        if (speaker !== undefined && wasOverwritten(mesh.eyes.host(speaker), sealed)) return;
        verdicts.broken(`keeps ${text}, which ${formatEndpoint(origin)} never published`, host.name);
        return;
      }
      if (!lies.has(text)) verdicts.sometimes('a lie was believed');
      lies.add(text);
      const doubts = doubtful.get(origin) ?? [];
      doubtful.set(origin, doubts);
      doubts.push({ host, sealed });
    });
    mesh.onSample(() => {
      if (doubtful.size === 0 || mesh.honestMs < BELIEVED_MOST_MS) return;
      const pieces = mesh.pieces();
      const here = new Map(mesh.members().map((member) => [member.at, member]));
      for (const [origin, doubts] of doubtful) {
        for (const { host, sealed } of doubts) {
          const cluster = host.daemon?.node.cluster;
          if (cluster === undefined || !here.has(cluster.self) || !here.has(origin)) continue;
          if (pieces.get(cluster.self) !== pieces.get(origin)) continue;
          if (cluster.table.record(origin, sealed.record.kind) !== sealed) continue;
          verdicts.broken(`still believes ${textOf(sealed)}, which is a lie`, host.name);
        }
      }
      doubtful.clear();
    });
    return {};
  },
);

export const versionsStay = meshInvariant(
  'versions-stay',
  'what a member knows of another one never goes back to an older version',
  (mesh, verdicts) => {
    tableWatchOf(mesh).listen(({ host, origin, sealed, before }) => {
      if (before === undefined || origin === host.daemon?.node.cluster?.self) return;
      if (compareVersions(sealed.record, before.record) >= 0) return;
      verdicts.broken(
        `of ${formatEndpoint(origin)} went back from ${versionOf(before)} to ${versionOf(sealed)}`,
        host.name,
      );
    });
    return {};
  },
);

/** A few steps; news that make nobody known who was not wait 300 ms to 600 ms for others at each. */
const SPREAD_MS = 2_000;
/** A link that broke looks whole for so long. */
const FOUND_OUT_MS = 3_000;

export const newsSpread = meshInvariant(
  'news-spread',
  'what a member publishes in quiet times is known to all it has a path to within 2 s',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    tableWatchOf(mesh).listen(({ host, origin, sealed }) => {
      if (origin !== host.daemon?.node.cluster?.self) return;
      const life = host.daemon;
      const publishedMs = eyes.nowMs;
      eyes.at(publishedMs + SPREAD_MS, () => {
        if (
          mesh.soundMs < SPREAD_MS + FOUND_OUT_MS ||
          mesh.nowMs - mesh.lieMs < SPREAD_MS ||
          host.daemon !== life ||
          mesh.liars.size > 0
        )
          return;
        const ignorant = whoLacks(mesh, origin, sealed, publishedMs - FOUND_OUT_MS);
        if (ignorant !== undefined)
          verdicts.broken(`does not know ${textOf(sealed)} of ${formatEndpoint(origin)}`, ignorant);
      });
    });
    return {};
  },
);

const EQUAL_WITHIN_MS = 10_000;
/** A look at all that everybody has of everybody is taken so often. */
const LOOKS = 4;

export const tablesEqual = meshInvariant(
  'tables-equal',
  'what was published before 10 s of quiet is known to all who have a path to its origin',
  (mesh, verdicts) => {
    const latest = new Map<string, { readonly sealed: SealedRecord; readonly atMs: number }>();
    tableWatchOf(mesh).listen(({ host, origin, sealed }) => {
      if (origin === host.daemon?.node.cluster?.self)
        latest.set(`${origin} ${sealed.record.kind}`, { sealed, atMs: mesh.nowMs });
    });
    let samples = 0;
    mesh.onSample(() => {
      samples += 1;
      if (samples % LOOKS !== 0 || mesh.honestMs < EQUAL_WITHIN_MS) return;
      for (const { at } of mesh.members()) {
        for (const kind of RECORD_KINDS) {
          const last = latest.get(`${at} ${kind}`);
          if (last === undefined || mesh.nowMs - last.atMs < EQUAL_WITHIN_MS) continue;
          const ignorant = whoLacks(mesh, at, last.sealed);
          if (ignorant !== undefined)
            verdicts.broken(`does not know ${textOf(last.sealed)} of ${formatEndpoint(at)}`, ignorant);
        }
      }
    });
    return {};
  },
);

/** A member with a path to the origin that does not have its record, or a later one. */
function whoLacks(
  mesh: MeshEyes,
  origin: Endpoint,
  { record }: SealedRecord,
  thereSinceMs = Number.POSITIVE_INFINITY,
): HostName | undefined {
  const pieces = mesh.pieces();
  const piece = pieces.get(origin);
  if (piece === undefined) return undefined;
  for (const { name, at, cluster, host } of mesh.observers()) {
    if (host.turnedMs > thereSinceMs) continue;
    if (at === origin || pieces.get(at) !== piece) continue;
    const known = cluster.table.record(origin, record.kind);
    if (known === undefined || compareVersions(known.record, record) < 0) return name;
  }
  return undefined;
}

/** Once by each of seven links, and again by some that came in the meantime. */
const COPIES_MOST: Readonly<Record<RecordKind, number>> = { adjacency: 12, advert: 8 };

export const copiesBounded = meshInvariant(
  'copies-bounded',
  'a member is told the same record no more than a dozen times; an advert, which goes along a tree, eight times',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    const counts = new Map<HostName, Map<string, { version: SealedRecord; copies: number }>>();
    eyes.onMessage('gossip', 'before', ({ host, message }) => {
      const news = message as GossipActorMessage;
      if (news.kind !== 'messages' || mesh.liars.size > 0) return;
      const own = counts.get(host.name) ?? new Map<string, { version: SealedRecord; copies: number }>();
      counts.set(host.name, own);
      for (const sealed of news.received.flatMap(recordsOf)) {
        const { origin, kind } = sealed.record;
        const key = `${origin} ${kind}`;
        const count = own.get(key);
        if (count === undefined || compareVersions(sealed.record, count.version.record) > 0) {
          own.set(key, { version: sealed, copies: 1 });
          continue;
        }
        if (compareVersions(sealed.record, count.version.record) < 0) continue;
        count.copies += 1;
        if (count.copies > COPIES_MOST[kind] && mesh.calmMs > EQUAL_WITHIN_MS)
          verdicts.broken(`was told ${textOf(sealed)} ${count.copies} times`, host.name);
      }
    });
    return {};
  },
);

function recordsOf({ message }: Received): readonly SealedRecord[] {
  return message.kind === 'records' ? message.records : [];
}

function versionOf({ record: { epoch, counter } }: SealedRecord): string {
  return `${epoch}.${counter}`;
}

function textOf(sealed: SealedRecord): string {
  return `${sealed.record.kind} ${versionOf(sealed)} (${sealed.hash.toString(16)})`;
}
