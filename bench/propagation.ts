import type { Host } from '../testbed/host.js';
import type { Daemon, VipsFile } from './daemon.js';
import { sleep } from './scene.js';

/** One change of the source, and how long the kernel's set took to hold exactly it. */
export interface Propagation {
  readonly change: string;
  readonly vips: number;
  readonly tookMs: number;
}

const SET = 'minuteman';
const LIMIT_MS = 60_000;

/** `count` VIPs on 10.`second`.0.0/16 with `backends` backends each. */
export function manyVips(second: number, count: number, backends: number): VipsFile {
  const vips: Record<string, string[]> = {};
  for (let at = 0; at < count; at++) {
    const vip = `10.${second}.${Math.floor(at / 250)}.${1 + (at % 250)}:5000`;
    vips[vip] = Array.from({ length: backends }, (_, n) => `10.99.${100 + n}.${1 + (at % 250)}:${8000 + n}`);
  }
  return vips;
}

/**
 * Publishes `vips` and waits until the kernel's set holds them and nothing else. The clock starts when the
 * file was replaced; the set is looked at every 10 ms, by a member that only the new VIPs have and by size,
 * and in the end compared member by member.
 */
export async function propagate(
  host: Host,
  daemon: Daemon,
  change: string,
  vips: VipsFile,
  newcomer: string,
): Promise<Propagation> {
  const count = Object.keys(vips).length;
  daemon.publish(vips);
  const from = performance.now();
  for (;;) {
    if ((await holds(host, newcomer)) && (await sizeOf(host)) === count) break;
    if (performance.now() - from > LIMIT_MS) {
      throw new Error(`${change}: the set does not hold the ${count} VIPs after ${LIMIT_MS} ms`);
    }
    await sleep(10);
  }
  const tookMs = performance.now() - from;
  const held = (await members(host)).sort();
  const wanted = Object.keys(vips).sort();
  const at = wanted.findIndex((vip, index) => vip !== held[index]);
  if (at >= 0) throw new Error(`${change}: the set has ${held[at]} where ${wanted[at]} is due`);
  return { change, vips: count, tookMs };
}

async function holds(host: Host, vip: string): Promise<boolean> {
  const run = await host.exec('ipset', ['test', SET, vip.replace(':', ',tcp:')]);
  return run.code === 0;
}

async function sizeOf(host: Host): Promise<number> {
  const run = await host.exec('ipset', ['list', '-t', SET]);
  return Number(/Number of entries: (\d+)/.exec(run.stdout)?.[1] ?? -1);
}

async function members(host: Host): Promise<string[]> {
  const saved = await host.must('ipset', ['save', SET]);
  return [...saved.matchAll(/^add \S+ ([\d.]+),tcp:(\d+)/gm)].map((match) => `${match[1]}:${match[2]}`);
}
