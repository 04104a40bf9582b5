import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { generateKey } from '../../src/mesh/key-file.js';
import { Seed } from '../../src/sim/engine/seed.js';
import type { Host } from '../../testbed/host.js';
import { ip, ipBatch } from '../../testbed/ip.js';
import type { Program } from '../../testbed/program.js';
import type { Testbed } from '../../testbed/testbed.js';
import { type Daemon, startDaemon } from '../daemon.js';
import { loadProgram } from '../load-programs.js';
import { cpuMs } from '../process-usage.js';
import { onScene, type Scene, sleep } from '../scene.js';
import { ARMS } from './arms.js';
import { CLIENTS, type Setup, type Trial, victimsOf } from './setup.js';
import type { ClientRecord, Placement, Sighting, Traffic, TrialRecord } from './trial-record.js';
import { PATIENCE_MS, type RequestRecord } from './workload.js';

const CLIENT = fileURLToPath(new URL('./real-client.js', import.meta.url));
const MESH_PORT = 61_420;
const FIRST_BACKEND_PORT = 31_000;
const VIP = '10.64.0.1:5000';
const SETTLE_MS = 5_000;
const FORMED_MOST_MS = 180_000;
const LOOK_MS = 250;
/** Daemons that start at one time: each sets up its kernel with a dozen tools. */
const STARTS_AT_ONCE = 8;
/** Daemons asked for their counters; the asking must not disturb what is measured. */
const ASKED = 8;

interface Node {
  readonly name: string;
  readonly host: Host;
  readonly listener: Program;
  daemon: Daemon;
}

/** Runs a trial with daemons, listeners and clients in namespaces. The seed draws who goes, and the instant. */
export function realTrial(trial: Trial): Promise<TrialRecord> {
  return onScene((scene) => new RealTrial(scene, trial).play());
}

class RealTrial {
  private readonly bed: Testbed;
  private readonly directory: string;
  private readonly trial: Trial;
  private readonly setup: Setup;
  private readonly nodes: Node[] = [];

  constructor({ bed, directory }: Scene, trial: Trial) {
    this.bed = bed;
    this.directory = directory;
    this.trial = trial;
    this.setup = trial.setup;
  }

  async play(): Promise<TrialRecord> {
    await this.build();
    await this.formed();
    await sleep(SETTLE_MS);
    const { setup, nodes } = this;
    const stream = new Seed(this.trial.seed).stream('evaluation');
    const clients = stream.some(nodes, CLIENTS);
    const victims = stream.some(
      nodes.filter((node) => !clients.includes(node)),
      victimsOf(setup),
    );
    const survivors = nodes.filter((node) => !victims.includes(node));
    const bystanders = survivors.filter((node) => !clients.includes(node));
    const asked = bystanders.slice(0, ASKED);

    const watches = await Promise.all(clients.map(({ host }) => watchPlacements(host)));
    await Promise.all(clients.map(({ host }) => this.pinNeighbours(host)));
    const trafficFirst = await this.traffic(asked);
    const programs = await Promise.all(
      clients.map(({ host }, at) => startClient(host, at === 0 ? 'open' : 'closed', setup.durationMs)),
    );
    const starts = await Promise.all(programs.map(startOf));
    const startedMs = Math.max(...starts);
    const cpuFirst = cpuOf(bystanders);
    const beganMs = performance.now();
    await sleep(startedMs + setup.atMs + stream.between(0, 100) - wallMs());
    const killedMs = wallMs() - startedMs;
    await this.strike(victims);
    const trafficQuiet = await this.traffic(asked);
    const quietMs = wallMs() - startedMs;
    const patience = setTimeout(setup.durationMs + 4 * PATIENCE_MS, undefined, { ref: false });
    await Promise.all(programs.map(({ exited }) => Promise.race([exited, patience])));
    const cpu = (cpuOf(bystanders) - cpuFirst) / (performance.now() - beganMs) / bystanders.length;
    const trafficLast = await this.traffic(asked);
    const endedMs = wallMs() - startedMs;
    const records = programs.map((program, at): ClientRecord => {
      const lateMs = starts[at]! - startedMs;
      if (program.running) throw new Error(`the client on ${clients[at]!.name} does not come to its end`);
      const requests = JSON.parse(program.lines.at(-1) ?? '') as RequestRecord[];
      return {
        requests: requests.map((one) => ({ ...one, dueMs: one.dueMs + lateMs, atMs: one.atMs + lateMs })),
        placements: this.placements(watches[at]!, startedMs),
      };
    });
    return {
      killedMs,
      victims: victims.map(({ name }) => name),
      survivors: survivors.map(({ name }) => name),
      open: records[0]!,
      closed: records[1]!,
      cuts: this.said('neighbour-cut', startedMs),
      sightings: this.said('node-unreachable', startedMs),
      traffic: {
        before: rate(trafficFirst, trafficQuiet, quietMs, asked.length),
        after: rate(trafficQuiet, trafficLast, endedMs - quietMs, asked.length),
      },
      cpu,
    };
  }

  /** Hosts, listeners and daemons. */
  private async build(): Promise<void> {
    const { setup, bed, directory } = this;
    const hosts: Host[] = [];
    for (let at = 1; at <= setup.nodes; at += 1) {
      hosts.push(await bed.host(`n${at}`, { address: `10.99.0.${at}` }));
    }
    const ports = hosts.map((_, at) =>
      Array.from(
        { length: Math.ceil((setup.tasks - at) / hosts.length) },
        (_unused, task) => FIRST_BACKEND_PORT + task,
      ),
    );
    const backends = hosts.flatMap(({ address }, at) => ports[at]!.map((port) => `${address}:${port}`));
    const keyFile = join(directory, 'mesh.key');
    writeFileSync(keyFile, `${generateKey()}\n`, { mode: 0o600 });
    const waiting = [...hosts.entries()];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [at, host] = next;
        const listener = await listen(host, ports[at]!);
        const configuration = this.configuration(hosts, host, keyFile);
        const daemon = await startDaemon(host, directory, { [VIP]: backends }, { configuration });
        this.nodes[at] = { name: host.name, host, listener, daemon };
      }
    };
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, work));
  }

  private configuration(
    hosts: readonly Host[],
    host: Host,
    keyFile: string,
  ): Readonly<Record<string, unknown>> {
    const { mesh: inMesh, configuration } = ARMS[this.trial.arm];
    const mesh = {
      port: MESH_PORT,
      contacts: hosts.slice(0, 3).map(({ address }) => `${address}:${MESH_PORT}`),
      keyFile,
      stateFile: join(this.directory, `${host.name}-members.json`),
      ...configuration.mesh,
    };
    return {
      ...(inMesh && { mesh }),
      ...(configuration.balancer && { balancer: configuration.balancer }),
    };
  }

  /** Waits until each reaches each, if they form a mesh. */
  private async formed(): Promise<void> {
    const { nodes } = this;
    if (!ARMS[this.trial.arm].mesh) return;
    const untilMs = performance.now() + FORMED_MOST_MS;
    const lonely = (): Node | undefined => nodes.find((node) => reached(node).size < nodes.length - 1);
    for (let node = lonely(); node !== undefined; node = lonely()) {
      if (performance.now() > untilMs)
        throw new Error(`${node.name} reaches ${reached(node).size} of ${nodes.length - 1} others`);
      await sleep(LOOK_MS);
    }
  }

  /**
   * Between racks there are routers, and a client does not notice that a machine no longer answers ARP. Here all share
   * a switch: without this the client's own kernel would know after half a minute.
   */
  private async pinNeighbours(host: Host): Promise<void> {
    const others = this.nodes.filter((node) => node.host !== host);
    const commands = await Promise.all(
      others.map(async (other) => {
        const listing = await ip(['-n', other.host.namespace.name, '-j', 'link', 'show', 'eth0']);
        const [link] = JSON.parse(listing) as readonly { readonly address: string }[];
        return `neigh replace ${other.host.address} lladdr ${link!.address} dev eth0 nud permanent`;
      }),
    );
    await ipBatch(commands, host.namespace.name);
  }

  private async strike(victims: readonly Node[]): Promise<void> {
    const { mode } = this.setup;
    const hub = `${this.bed.prefix}switch`;
    const ports = victims.map((victim) => `p${this.nodes.indexOf(victim)}`);
    if (mode === 'kill') {
      for (const { daemon, listener } of victims) {
        daemon.program.kill('SIGKILL');
        listener.kill('SIGKILL');
      }
      return;
    }
    // The switch carries nothing from or to them any more; their own ends stay up.
    if (mode !== 'partition')
      await ipBatch(
        ports.map((port) => `link set ${port} nomaster`),
        hub,
      );
    else {
      const aside = ['link add br1 type bridge', 'link set br1 up'];
      await ipBatch([...aside, ...ports.map((port) => `link set ${port} master br1`)], hub);
    }
    if (mode === 'pause')
      for (const { daemon, listener } of victims) {
        daemon.program.kill('SIGSTOP');
        listener.kill('SIGSTOP');
      }
  }

  /** What the daemons said of each other, from the start of the workload on. */
  private said(event: 'neighbour-cut' | 'node-unreachable', startedMs: number): Sighting[] {
    return this.nodes.flatMap(({ name, daemon }) =>
      linesOf(daemon, event)
        .filter(({ time }) => time >= startedMs)
        .map(({ time, node }) => ({ atMs: time - startedMs, by: name, of: node })),
    );
  }

  private placements(watch: Program, startedMs: number): Placement[] {
    const names = new Map(this.nodes.map(({ host, name }) => [host.address, name]));
    return watch.lines.flatMap((line) => {
      // [1795406939.432419] [NEW] tcp 6 20 SYN_SENT src=CLIENT dst=VIP sport=5 dport=6 src=BACKEND ...
      const [, seconds, port, backend] =
        /^\[(\d+\.\d+)\]\s+\[NEW\].*? sport=(\d+) dport=\d+ .*?src=([\d.]+) /.exec(line) ?? [];
      const node = names.get(backend ?? '');
      if (node === undefined) return [];
      return [{ atMs: Number(seconds) * 1000 - startedMs, port: Number(port), node }];
    });
  }

  private async traffic(nodes: readonly Node[]): Promise<Traffic> {
    if (!ARMS[this.trial.arm].mesh) return { frames: 0, bytes: 0 };
    const texts = await Promise.all(
      nodes.map(({ host }) => host.must('curl', ['-s', '--max-time', '5', 'http://127.0.0.1:61421/metrics'])),
    );
    const sum = (name: string): number =>
      texts.reduce((total, text) => {
        const line = new RegExp(`^${name}\\{direction="out"\\} (\\S+)$`, 'm').exec(text);
        return total + Number(line?.[1]);
      }, 0);
    return { frames: sum('minuteman_mesh_frames_total'), bytes: sum('minuteman_mesh_bytes_total') };
  }
}

interface LogLine {
  readonly event: string;
  readonly node: string;
  readonly time: number;
}

function linesOf({ program }: Daemon, ...events: readonly string[]): LogLine[] {
  return program.lines
    .filter((line) => events.some((event) => line.includes(`"event":"${event}"`)))
    .map((line) => JSON.parse(line) as LogLine);
}

/** Whom a node reaches, as it said. */
function reached({ daemon }: Node): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { event, node } of linesOf(daemon, 'node-reachable', 'node-unreachable')) {
    if (event === 'node-reachable') names.add(node);
    else names.delete(node);
  }
  return names;
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

function cpuOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, { daemon }) => sum + cpuMs(daemon.program.pid), 0);
}

function rate(from: Traffic, to: Traffic, ms: number, nodes: number): Traffic {
  const share = nodes * (ms / 1000);
  return { frames: (to.frames - from.frames) / share, bytes: (to.bytes - from.bytes) / share };
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
