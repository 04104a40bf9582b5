import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKey } from '../src/mesh/key-file.js';
import type { Host } from '../testbed/host.js';
import { ip, ipBatch } from '../testbed/ip.js';
import type { Program } from '../testbed/program.js';
import { Testbed } from '../testbed/testbed.js';
import { EXECUTABLE } from './daemon.js';
import { completeAtMs, type MeshLine, MeshLog } from './mesh-log.js';
import { cpuMs, rssMegabytes } from './process-usage.js';
import { sleep } from './scene.js';

export interface ClusterOptions {
  readonly nodes: number;
  /** Whether the daemons also program the kernels of their namespaces. */
  readonly dataPlane: boolean;
  /** Sections of their configuration besides, or instead; `mesh` is what that section would be. */
  readonly configuration?: (host: Host, mesh: Section) => Readonly<Record<string, unknown>>;
}

export type Section = Readonly<Record<string, unknown>>;

/** What being a member costs a node that has nothing else to do; the mean over all, and the most of any. */
export interface QuietCost {
  readonly cpuPercent: number;
  readonly cpuPercentMost: number;
  readonly rssMegabytes: number;
  readonly rssMegabytesMost: number;
  /** On the wire, with the headers of Ethernet, IP and TCP. */
  readonly sentBytesPerSecond: number;
  readonly sentPacketsPerSecond: number;
}

const PORT = 61_420;
const FORMED_MOST_MS = 120_000;
const LOOK_MS = 250;

interface Counters {
  readonly bytes: number;
  readonly packets: number;
}

/** Daemons in namespaces of their own, joined by a switch in one of its own. */
export class MeshCluster {
  readonly #bed: Testbed;
  readonly hosts: readonly Host[];
  /** The daemons, host by host. */
  readonly programs: readonly Program[];
  readonly #logs: readonly MeshLog[];
  readonly #startedMs: number;

  private constructor(bed: Testbed, hosts: readonly Host[], programs: readonly Program[], startedMs: number) {
    this.#bed = bed;
    this.hosts = hosts;
    this.programs = programs;
    this.#logs = programs.map(({ lines }) => new MeshLog(lines));
    this.#startedMs = startedMs;
  }

  /** Starts all at once. The first two are everybody's contacts; nobody remembers anything. */
  static async start(options: ClusterOptions, directory: string): Promise<MeshCluster> {
    const bed = await Testbed.create();
    try {
      const hosts: Host[] = [];
      for (let at = 1; at <= options.nodes; at += 1) {
        hosts.push(await bed.host(`n${at}`, { address: `10.99.0.${at}` }));
      }
      const keyFile = join(directory, 'mesh.key');
      writeFileSync(keyFile, `${generateKey()}\n`, { mode: 0o600 });
      const contacts = hosts.slice(0, 2).map(({ address }) => `${address}:${PORT}`);
      const configs = hosts.map((host) => {
        const { name, address } = host;
        const stateFile = join(directory, `${bed.prefix}${name}.json`);
        const mesh = { port: PORT, contacts, keyFile, stateFile };
        const config = {
          node: { name, address },
          mesh,
          dataPlane: { enabled: options.dataPlane },
          ...options.configuration?.(host, mesh),
        };
        const path = join(directory, `${name}.json`);
        writeFileSync(path, JSON.stringify(config));
        return path;
      });
      const startedMs = Date.now();
      const programs = await Promise.all(
        hosts.map((host, at) => host.spawn(EXECUTABLE, ['agent', '--config', configs[at]!])),
      );
      return new MeshCluster(bed, hosts, programs, startedMs);
    } catch (error) {
      await bed.destroy();
      throw error;
    }
  }

  get names(): readonly string[] {
    return this.hosts.map(({ name }) => name);
  }

  /** Waits until everybody reaches everybody; answers how long that took from the start of the first process. */
  async formed(): Promise<number> {
    for (;;) {
      const times = this.#logs.map(({ lines }) => completeAtMs(lines, this.hosts.length - 1));
      const missing = times.filter((time) => time === undefined).length;
      if (missing === 0) return Math.max(...times.map((time) => time!)) - this.#startedMs;
      const ended = this.programs.find(({ running }) => !running);
      if (ended !== undefined) throw new Error(`${ended.name} ended:\n${ended.lines.join('\n')}`);
      if (Date.now() - this.#startedMs > FORMED_MOST_MS) {
        throw new Error(`${missing} nodes do not reach everybody after ${FORMED_MOST_MS} ms`);
      }
      await sleep(LOOK_MS);
    }
  }

  /** Watches for so long what a node costs. */
  async quiet(seconds: number): Promise<QuietCost> {
    const cpuBefore = this.programs.map(({ pid }) => cpuMs(pid));
    const sentBefore = await this.#sent();
    const fromMs = performance.now();
    await sleep(seconds * 1000);
    const sent = await this.#sent();
    const tookMs = performance.now() - fromMs;
    const cpu = this.programs.map(({ pid }, at) => ((cpuMs(pid) - cpuBefore[at]!) / tookMs) * 100);
    const rss = this.programs.map(({ pid }) => rssMegabytes(pid));
    const perSecond = (of: (counters: Counters) => number) =>
      mean(sent.map((counters, at) => of(counters) - of(sentBefore[at]!))) / (tookMs / 1000);
    return {
      cpuPercent: mean(cpu),
      cpuPercentMost: Math.max(...cpu),
      rssMegabytes: mean(rss),
      rssMegabytesMost: Math.max(...rss),
      sentBytesPerSecond: perSecond(({ bytes }) => bytes),
      sentPacketsPerSecond: perSecond(({ packets }) => packets),
    };
  }

  /** The switch carries nothing from or to them any more, while their own ends stay up: what a kernel panic looks like. */
  async drop(at: readonly number[]): Promise<void> {
    const commands = at.map((index) => `link set dev p${index} nomaster`);
    await ipBatch(commands, `${this.#bed.prefix}switch`);
  }

  /** The switch carries what they send each other, and nothing between them and the rest. */
  async setAside(at: readonly number[]): Promise<void> {
    const aside = ['link add br1 type bridge', 'link set br1 up'];
    const commands = at.map((index) => `link set dev p${index} master br1`);
    await ipBatch([...aside, ...commands], `${this.#bed.prefix}switch`);
  }

  signal(at: readonly number[], signal: 'SIGSTOP' | 'SIGKILL'): void {
    for (const index of at) process.kill(this.programs[index]!.pid, signal);
  }

  /** What a node said of others so far. */
  log(at: number): readonly MeshLine[] {
    return this.#logs[at]!.lines;
  }

  destroy(): Promise<void> {
    return this.#bed.destroy();
  }

  /** What came out of each host so far, as the switch counts it. */
  async #sent(): Promise<readonly Counters[]> {
    const listing = await ip(['-n', `${this.#bed.prefix}switch`, '-s', '-j', 'link', 'show']);
    const links = JSON.parse(listing) as readonly {
      readonly ifname: string;
      readonly stats64: { readonly rx: Counters };
    }[];
    return this.hosts.map((_, at) => {
      const link = links.find(({ ifname }) => ifname === `p${at}`);
      if (link === undefined) throw new Error(`the switch has no port p${at}`);
      return link.stats64.rx;
    });
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
