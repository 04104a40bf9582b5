import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { KernelError } from '../ports/kernel-error.js';
import { packageRoot } from './package-root.js';

/*
 * The C++ addon as TypeScript sees it. Rows of numbers go over in arrays that both sides share, so that a
 * batch of packets costs one call; the adapters beside this file turn them into the ports' types.
 */

/** Rows of `PACKET`: id, client, destination, interface index, arrival (ms). */
export const PACKET = { columns: 5, batch: 256 } as const;
/** Rows of `EVENT`: 0 answered or 1 refused, client, VIP, backend, time (ms). */
export const EVENT = { columns: 5 } as const;
/** Rows of a conntrack request: client, VIP, then what the request needs. */
export const REQUEST = { columns: 5, batch: 128 } as const;
/** Rows of a conntrack entry: client, VIP, backend, TCP state, 1 if ours, id. */
export const ENTRY = { columns: 6 } as const;

export interface NativePacketQueue {
  readonly records: Float64Array;
  readonly ids: Uint32Array;
  /** The callback's argument is how many rows of `records` hold packets. */
  receive(deliver: (count: number) => void): void;
  /** One verdict for the first `count` of `ids`. */
  verdict(count: number, accept: boolean): void;
  outstanding(): Float64Array;
  counters(): { readonly received: number; readonly unreadable: number; readonly overruns: number };
  /** Of the queue's socket; -1 once it is closed. */
  descriptor(): number;
  close(): void;
}

export interface NativeConntrackTable {
  readonly requests: Float64Array;
  /** The errno of each request of the last batch, 0 for success. */
  readonly outcomes: Int32Array;
  readonly entries: Float64Array;
  /**
   * Requests: client, VIP, backend, source address or -1, id of the entry to delete first or -1. Answers how many
   * failed; `entries` has the entries of those that exist, or 0 for a client.
   */
  create(count: number, timeoutSeconds: number): number;
  find(count: number): void;
  /** Requests: client, VIP, id. */
  remove(count: number): void;
  ours(synSentOnly: boolean): Float64Array;
  countOurs(): number;
  flushOurs(): void;
  usage(): { readonly count: number; readonly max: number };
}

export interface NativeHandshakeLog {
  readonly records: Float64Array;
  /** The callback's argument is how many rows of `records` hold answers, or -1: the kernel lost some. */
  receive(deliver: (count: number) => void): void;
  close(): void;
}

export interface NativeRouteTable {
  lookup(
    destination: number,
  ): { readonly local: boolean; readonly outInterface: number; readonly source: number } | undefined;
}

export interface NativeRouteWatch {
  close(): void;
}

interface NativeFirewallState {
  generation(): number | undefined;
  legacyTable(table: string): LegacyTable | undefined;
  setSize(name: string): number | undefined;
  renewSet(name: string, timeoutSeconds: number): number;
}

interface Addon {
  readonly PacketQueue: new (number: number, maxLength: number, receiveBytes: number) => NativePacketQueue;
  readonly ConntrackTable: new () => NativeConntrackTable;
  readonly HandshakeLog: new (
    table: NativeConntrackTable,
    group: number,
    receiveBytes: number,
  ) => NativeHandshakeLog;
  readonly RouteTable: new () => NativeRouteTable;
  readonly RouteWatch: new (changed: () => void) => NativeRouteWatch;
  readonly FirewallState: new () => NativeFirewallState;
  /** The mark of our conntrack entries, in the upper half; others may use the lower one. */
  readonly mark: number;
  monotonicMs(): number;
}

/** What a legacy (not nft) iptables table holds: rules with the chains' policies, and their bytes. */
export interface LegacyTable {
  readonly entries: number;
  readonly size: number;
}

const ADDON_FILE = join('build', 'Release', 'minuteman.node');
const WARDEN_FILE = join('build', 'Release', 'queue_warden');

let loaded: Addon | undefined;

/** The addon, loaded at the first call. Throws `KernelError` ADDON if it is not built or cannot be loaded. */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}

function load(): Addon {
  const file = join(packageRoot(), ADDON_FILE);
  try {
    return createRequire(import.meta.url)(file) as Addon;
  } catch (error) {
    throw new KernelError(
      'ADDON',
      `the native addon ${file} cannot be loaded; build it with "npm run build" (${messageOf(error)})`,
    );
  }
}

/** The program that `QueueWarden` runs. Throws `KernelError` ADDON if it is not built. */
export function wardenFile(): string {
  const file = join(packageRoot(), WARDEN_FILE);
  if (existsSync(file)) return file;
  throw new KernelError('ADDON', `${file} is missing; build it with "npm run build"`);
}

/** Runs a call of the addon; what the kernel refused comes out as `KernelError`, with `what` in front. */
export function kernelCall<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof KernelError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
    const hint =
      code === 'EPERM'
        ? '; run it as root, or with CAP_NET_ADMIN in the namespace that owns the network'
        : '';
    throw new KernelError(code, `${what}: ${messageOf(error)}${hint}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let firewallState: NativeFirewallState | undefined;

function firewall(): NativeFirewallState {
  firewallState ??= kernelCall('opening the firewall state', () => new (addon().FirewallState)());
  return firewallState;
}

/** The number nf_tables raises with every change of any rule; undefined if the kernel has no nf_tables. One netlink request. */
export function nftGeneration(): number | undefined {
  return kernelCall('nf_tables', () => firewall().generation());
}

/**
 * Size of a legacy iptables table; undefined if there is none. Asking may make the kernel create the empty
 * table, as listing it with iptables does: ask only where the legacy flavour is in use.
 */
export function legacyTableInfo(table: string): LegacyTable | undefined {
  return kernelCall(`iptables table ${table}`, () => firewall().legacyTable(table));
}

/** How many entries an ipset has; undefined if there is no such set. One netlink request. */
export function ipsetSize(name: string): number | undefined {
  return kernelCall(`ipset ${name}`, () => firewall().setSize(name));
}

/**
 * Makes a hash:net set with timeouts hold every address for that long from now on. Answers 0, or why not: an
 * errno, or ipset's own number above 4096. One netlink exchange.
 */
export function renewIpset(name: string, timeoutSeconds: number): number {
  return kernelCall(`ipset ${name}`, () => firewall().renewSet(name, timeoutSeconds));
}

/** The mark that entries of ours carry, and the bits of a mark that tell. */
export function conntrackMark(): { readonly mark: number; readonly mask: number } {
  return { mark: addon().mark, mask: 0xffff0000 };
}
