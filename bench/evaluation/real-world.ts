import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Seed } from '../../src/sim/engine/seed.js';
import type { Host } from '../../testbed/host.js';
import { ip, ipBatch } from '../../testbed/ip.js';
import type { Program } from '../../testbed/program.js';
import { buildLoadPrograms, loadProgram } from '../load-programs.js';
import { MeshCluster } from '../mesh-cluster.js';
import { cpuMs } from '../process-usage.js';
import { sleep } from '../scene.js';
import { ARMS } from './arms.js';
import { CLIENTS, type Setup, type Trial, victimsOf } from './setup.js';
import {
  type ClientRecord,
  NO_TRAFFIC,
  type Placement,
  type Sighting,
  type Traffic,
  type TrialRecord,
  trafficRate,
} from './trial-record.js';
import { PATIENCE_MS, type RequestRecord } from './workload.js';

const CLIENT = fileURLToPath(new URL('./real-client.js', import.meta.url));
const FIRST_BACKEND_PORT = 31_000;
const VIP = '10.64.0.1:5000';
const API = 'http://127.0.0.1:61421';
/** A mesh that has just formed still mends its links for a while, the longer the more daemons share this machine. */
const SETTLE_LEAST_MS = 5_000;
const SETTLE_PER_NODE_MS = 500;
const READY_MOST_MS = 120_000;
/** Daemons asked for their counters; the asking must not disturb what is measured. */
const ASKED = 8;
/** When, as a share of the time until the fault: answering takes a daemon a while that has not done so before. */
const ASKED_AT = 0.75;

/** Runs a trial with daemons, listeners and clients in namespaces. The seed draws who goes, and the instant. */
export async function realTrial(trial: Trial): Promise<TrialRecord> {
  await buildLoadPrograms();
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-evaluation-'));
  const clear = (): void => rmSync(directory, { recursive: true, force: true });
  // Whoever is interrupted comes to no `finally`.
  process.once('exit', clear);
  try {
    const cluster = await startCluster(trial, directory);
    try {
      return await new RealTrial(trial, cluster).play();
    } finally {
      await cluster.destroy();
    }
  } finally {
    clear();
    process.off('exit', clear);
  }
}

/** The daemons, configured as the arm wants it, all reading one file with all backends. */
function startCluster({ arm, setup }: Trial, directory: string): Promise<MeshCluster> {
  const { mesh: inMesh, configuration } = ARMS[arm];
  const backends = Array.from({ length: setup.nodes }, (_, at) =>
    portsOf(setup, at).map((port) => `10.99.0.${at + 1}:${port}`),
  ).flat();
  const path = join(directory, 'vips.json');
  writeFileSync(path, JSON.stringify({ vips: { [VIP]: backends } }));
  return MeshCluster.start(
    {
      nodes: setup.nodes,
      dataPlane: true,
      configuration: (_host, mesh) => ({
        sources: [{ type: 'file', path }],
        mesh: inMesh ? { ...mesh, ...configuration.mesh } : undefined,
        balancer: configuration.balancer,
      }),
    },
    directory,
  );
}

/** Of the backends on a node; they are dealt out in turn. */
function portsOf({ nodes, tasks }: Setup, at: number): number[] {
  return Array.from({ length: Math.ceil((tasks - at) / nodes) }, (_, task) => FIRST_BACKEND_PORT + task);
}

class RealTrial {
  private readonly trial: Trial;
  private readonly setup: Setup;
  private readonly cluster: MeshCluster;
  private listeners: readonly Program[] = [];

  constructor(trial: Trial, cluster: MeshCluster) {
    this.trial = trial;
    this.setup = trial.setup;
    this.cluster = cluster;
  }

  /** Nodes are named by their place in the cluster. */
  async play(): Promise<TrialRecord> {
    const { setup, cluster } = this;
    const { hosts, programs: daemons, names } = cluster;
    this.listeners = await Promise.all(hosts.map((host, at) => listen(host, portsOf(setup, at))));
    await Promise.all(daemons.map((daemon) => daemon.waitForLine(/"event":"ready"/, READY_MOST_MS)));
    if (ARMS[this.trial.arm].mesh) await cluster.formed();
    await sleep(Math.max(SETTLE_LEAST_MS, setup.nodes * SETTLE_PER_NODE_MS));

    const stream = new Seed(this.trial.seed).stream('evaluation');
    const all = [...hosts.keys()];
    const clients = stream.some(all, CLIENTS);
    const victims = stream.some(
      all.filter((at) => !clients.includes(at)),
      victimsOf(setup),
    );
    const survivors = all.filter((at) => !victims.includes(at));
    const bystanders = survivors.filter((at) => !clients.includes(at));
    const asked = bystanders.slice(0, ASKED);
    const cpuOf = (): number => bystanders.reduce((sum, at) => sum + cpuMs(daemons[at]!.pid), 0);

    const watches = await Promise.all(clients.map((at) => watchPlacements(hosts[at]!)));
    await Promise.all(clients.map((at) => this.pinNeighbours(hosts[at]!)));
    const programs = await Promise.all(
      clients.map((at, n) => startClient(hosts[at]!, n === 0 ? 'open' : 'closed', setup.durationMs)),
    );
    const starts = await Promise.all(programs.map(startOf));
    const startedMs = Math.max(...starts);
    const sinceStart = (): number => wallMs() - startedMs;
    const first = { atMs: sinceStart(), cpu: cpuOf(), traffic: await this.traffic(asked) };
    await sleep(Math.max(0, ASKED_AT * setup.atMs - sinceStart()));
    const quiet = { atMs: sinceStart(), traffic: await this.traffic(asked) };
    await sleep(setup.atMs + stream.between(0, 100) - sinceStart());
    const killedMs = sinceStart();
    await this.strike(victims);
    const goneMs = sinceStart();
    const patience = setTimeout(setup.durationMs + 4 * PATIENCE_MS, undefined, { ref: false });
    await Promise.all(programs.map(({ exited }) => Promise.race([exited, patience])));
    const last = { atMs: sinceStart(), cpu: cpuOf(), traffic: await this.traffic(asked) };

    const records = programs.map((program, n): ClientRecord => {
      if (program.running) throw new Error(`the client on ${names[clients[n]!]} does not come to its end`);
      const lateMs = starts[n]! - startedMs;
      const requests = JSON.parse(program.lines.at(-1) ?? '') as RequestRecord[];
      return {
        requests: requests.map((one) => ({ ...one, dueMs: one.dueMs + lateMs, atMs: one.atMs + lateMs })),
        placements: this.placements(watches[n]!, startedMs),
      };
    });
    return {
      killedMs,
      goneMs,
      victims: victims.map((at) => names[at]!),
      survivors: survivors.map((at) => names[at]!),
      open: records[0]!,
      closed: records[1]!,
      cuts: this.said('neighbour-cut', startedMs),
      deaths: this.said('node-unreachable', startedMs),
      returns: this.said('node-reachable', startedMs),
      traffic: {
        before: trafficRate(first.traffic, quiet.traffic, quiet.atMs - first.atMs, asked.length),
        after: trafficRate(quiet.traffic, last.traffic, last.atMs - quiet.atMs, asked.length),
      },
      cpu: (last.cpu - first.cpu) / (last.atMs - first.atMs) / bystanders.length,
    };
  }

  /**
   * Between racks there are routers, and a client does not notice that a machine no longer answers ARP. Here all share
   * a switch: without this the client's own kernel would know after half a minute.
   */
  private async pinNeighbours(host: Host): Promise<void> {
    const others = this.cluster.hosts.filter((other) => other !== host);
    const commands = await Promise.all(
      others.map(async ({ address, namespace }) => {
        const listing = await ip(['-n', namespace.name, '-j', 'link', 'show', 'eth0']);
        const [link] = JSON.parse(listing) as readonly { readonly address: string }[];
        return `neigh replace ${address} lladdr ${link!.address} dev eth0 nud permanent`;
      }),
    );
    await ipBatch(commands, host.namespace.name);
  }

  private async strike(victims: readonly number[]): Promise<void> {
    const { cluster } = this;
    const signal = (name: 'SIGKILL' | 'SIGSTOP'): void => {
      cluster.signal(victims, name);
      for (const at of victims) this.listeners[at]!.kill(name);
    };
    switch (this.setup.mode) {
      case 'kill':
        signal('SIGKILL');
        break;
      case 'partition':
        await cluster.setAside(victims);
        break;
      case 'panic':
        await cluster.drop(victims);
        break;
      case 'pause':
        // A kernel that stands still answers no more than one that is gone.
        await cluster.drop(victims);
        signal('SIGSTOP');
        break;
    }
  }

  /** What the daemons said of each other. */
  private said(
    event: 'neighbour-cut' | 'node-reachable' | 'node-unreachable',
    startedMs: number,
  ): Sighting[] {
    const { programs, names } = this.cluster;
    return programs.flatMap(({ lines }, at) =>
      lines
        .filter((line) => line.includes(`"event":"${event}"`))
        .map((line) => JSON.parse(line) as { readonly node: string; readonly time: number })
        .map(({ time, node }) => ({ atMs: time - startedMs, by: names[at]!, of: node })),
    );
  }

  private placements(watch: Program, startedMs: number): Placement[] {
    const names = new Map(this.cluster.hosts.map(({ address, name }) => [address, name]));
    return watch.lines.flatMap((line) => {
      // [1795406939.432419] [NEW] tcp 6 20 SYN_SENT src=CLIENT dst=VIP sport=5 dport=6 src=BACKEND ...
      const [, seconds, port, backend] =
        /^\[(\d+\.\d+)\]\s+\[NEW\].*? sport=(\d+) dport=\d+ .*?src=([\d.]+) /.exec(line) ?? [];
      const node = names.get(backend ?? '');
      if (node === undefined) return [];
      return [{ atMs: Number(seconds) * 1000 - startedMs, port: Number(port), node }];
    });
  }

  private async traffic(nodes: readonly number[]): Promise<Traffic> {
    if (!ARMS[this.trial.arm].mesh) return NO_TRAFFIC;
    const ask = ['-sS', '--max-time', '5', `${API}/metrics`];
    const texts = await Promise.all(nodes.map((at) => this.cluster.hosts[at]!.must('curl', ask)));
    const sum = (name: string): number =>
      texts.reduce((total, text) => {
        const line = new RegExp(`^${name}\\{direction="out"\\} (\\S+)$`, 'm').exec(text);
        return total + Number(line?.[1]);
      }, 0);
    return { frames: sum('minuteman_mesh_frames_total'), bytes: sum('minuteman_mesh_bytes_total') };
  }
}

async function listen(host: Host, ports: readonly number[]): Promise<Program> {
  const args = ['--address', host.address, '--ports', ports.join(','), '--say', host.name];
  const program = await host.spawn(loadProgram('accept'), args);
  await program.waitForLine(/^listening$/, 30_000);
  return program;
}

/** The kernel tells of each entry that is made for the VIP: where a connection, or a new attempt of one, is sent. */
async function watchPlacements(host: Host): Promise<Program> {
  const address = VIP.replace(/:.*/, '');
  const args = ['-E', '-e', 'NEW', '-p', 'tcp', '-d', address, '-o', 'timestamp', '-b', '4194304'];
  const program = await host.spawn('conntrack', args);
  // It says nothing when it listens.
  await sleep(500);
  if (!program.running) throw new Error(`conntrack ended:\n${program.lines.join('\n')}`);
  return program;
}

function startClient(host: Host, loop: 'open' | 'closed', durationMs: number): Promise<Program> {
  const args = [CLIENT, '--to', VIP, '--loop', loop, '--duration-ms', String(durationMs)];
  return host.spawn(process.execPath, args);
}

async function startOf(program: Program): Promise<number> {
  const line = await program.waitForLine(/^started /, 30_000);
  return Number(line.split(' ')[1]);
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
