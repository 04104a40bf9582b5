import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MembersJson, MeshJson } from '../../src/api/mesh-json.js';
import { generateKey } from '../../src/mesh/key-file.js';
import type { Host } from '../../testbed/host.js';
import type { Testbed } from '../../testbed/testbed.js';
import { Daemon, type DaemonOptions, type LogLine } from './daemon.js';
import { eventually } from './eventually.js';

const directories: string[] = [];
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** Above the first octets that the test bed itself needs. */
const FIRST = 1;
const PORT = 61_420;

export interface FleetNode extends Daemon {
  readonly keyFile: string;
  readonly stateFile: string;
}

/** Options of a node, and what is special about its part in the mesh. */
export interface FleetNodeOptions extends DaemonOptions {
  readonly mesh?: Readonly<Record<string, unknown>>;
  /** The lines of its key file; those of the fleet if not said. */
  readonly keys?: readonly string[];
}

class MeshDaemon extends Daemon implements FleetNode {
  readonly keyFile: string;
  readonly stateFile: string;

  constructor(host: Host, options: DaemonOptions, keyFile: string, stateFile: string) {
    super(host, options);
    this.keyFile = keyFile;
    this.stateFile = stateFile;
  }
}

/** Daemons on hosts of a test bed that form a mesh: `n1` at 10.99.0.1, `n2` at 10.99.0.2, and so on. */
export class Fleet {
  readonly nodes: FleetNode[] = [];
  readonly key = generateKey();
  readonly #bed: Testbed;
  readonly #directory = mkdtempSync(join(tmpdir(), 'minuteman-fleet-'));

  constructor(bed: Testbed) {
    this.#bed = bed;
    directories.push(this.#directory);
  }

  /** Starts so many more nodes at once; answers when all are ready. The first two are everybody's contacts. */
  async grow(count: number, options: (at: number) => FleetNodeOptions = () => ({})): Promise<void> {
    const first = this.nodes.length + FIRST;
    const added: FleetNode[] = [];
    for (let at = first; at < first + count; at += 1) added.push(await this.place(at, options(at)));
    await Promise.all(added.map((node) => node.start()));
    await Promise.all(added.map((node) => node.waitFor('ready')));
  }

  /** A node with a host of its own, or on `host`, that is not started yet. */
  async place(at: number, options: FleetNodeOptions = {}, host?: Host): Promise<FleetNode> {
    const { mesh, keys, config, ...rest } = options;
    const own = host ?? (await this.#bed.host(`n${at}`, { address: `10.99.0.${at}` }));
    const keyFile = join(this.#directory, `${at}.key`);
    const stateFile = join(this.#directory, `${at}.json`);
    writeFileSync(keyFile, `${(keys ?? [this.key]).join('\n')}\n`, { mode: 0o600 });
    const section = {
      port: PORT,
      contacts: ['10.99.0.1', '10.99.0.2'].map((address) => `${address}:${PORT}`),
      keyFile,
      stateFile,
      ...mesh,
    };
    const node = new MeshDaemon(own, { ...rest, config: { mesh: section, ...config } }, keyFile, stateFile);
    this.nodes.push(node);
    return node;
  }

  node(name: string): FleetNode {
    const found = this.nodes.find(({ host }) => host.name === name);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  }

  others(node: FleetNode): readonly FleetNode[] {
    return this.nodes.filter((other) => other !== node);
  }

  /** Waits until each of the nodes can reach just these; answers how long that took. */
  async formed(nodes: readonly FleetNode[] = this.nodes, timeoutMs = 30_000): Promise<number> {
    const names = nodes.map(({ host }) => host.name).sort();
    const startedMs = performance.now();
    for (const node of nodes) {
      await eventually(
        `${node.host.name} reaches ${names.join(', ')}`,
        () => reachable(node),
        (reached) => reached.join() === names.join(),
        timeoutMs,
      );
    }
    return performance.now() - startedMs;
  }
}

export async function members(node: Daemon): Promise<MembersJson> {
  return JSON.parse(await node.get('/members')) as MembersJson;
}

export async function mesh(node: Daemon): Promise<MeshJson> {
  return JSON.parse(await node.get('/mesh')) as MeshJson;
}

/** The names of those a node can reach, itself included, in order. */
export async function reachable(node: Daemon): Promise<readonly string[]> {
  const known = (await members(node)).members.filter((member) => member.reachable);
  return known.map(({ name }) => name).sort();
}

/** The line by which a node said that of another one, after `sinceMs` (wall time). */
export function saidOf(
  node: Daemon,
  event: 'node-reachable' | 'node-unreachable',
  other: string,
  sinceMs: number,
  timeoutMs: number,
): Promise<LogLine> {
  return node.waitFor(event, (line) => line.node === other && line.time >= sinceMs, timeoutMs);
}
