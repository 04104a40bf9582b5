import { existsSync } from 'node:fs';
import { runTool } from '../src/native/tool.js';
import { Host, type HostSite } from './host.js';
import { ip, ipBatch } from './ip.js';
import { createNamespace, enter, listNamespaces, type Namespace, removeNamespace } from './namespace.js';
import type { Program } from './program.js';

export interface TestbedOptions {
  /** The bed outlives this process: only `Testbed.sweep({ kept: true })` removes it. */
  readonly kept?: boolean;
}

/** Where the hosts' default route leads; answers ping, swallows what is for nobody. */
export const SWITCH_ADDRESS = '10.99.255.254';

const PREFIX = 'mm';
// Frames between ports are nobody's to filter: a kernel with bridge netfilter built in would try.
const SWITCH_SETTINGS = `echo 1 > /proc/sys/net/ipv4/ip_forward
for file in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $file ] || echo 0 > $file; done`;
const beds = new Set<Testbed>();
let counter = 0;

/**
 * Real hosts on one machine: network namespaces joined by a switch (subnet 10.99.0.0/16). The switch also
 * routes between the container subnets of the hosts. A packet to anywhere else (a VIP that nobody
 * translated) vanishes there, so a leak shows as a timeout and not as a refusal.
 *
 * The namespaces are named `mm<pid>.<n>-<host>` after the process that owns them. They are removed by
 * `destroy`, when the process exits or is interrupted, or, if it was killed, by the next bed's `create`.
 */
export class Testbed {
  readonly prefix: string;
  #switch: Namespace | undefined;
  #programs = new Set<Program>();
  #hosts = 0;
  #kept: boolean;

  private constructor(prefix: string, kept: boolean) {
    this.prefix = prefix;
    this.#kept = kept;
  }

  static async create(options: TestbedOptions = {}): Promise<Testbed> {
    Testbed.sweep();
    const kept = options.kept ?? false;
    const owner = kept ? `0.${process.pid}` : `${process.pid}.`;
    const bed = new Testbed(`${PREFIX}${owner}${counter++}-`, kept);
    registerCleanup();
    beds.add(bed);
    bed.#switch = await createNamespace(`${bed.prefix}switch`, 'switch');
    await runTool('nsenter', enter(bed.#switch, 'sh', ['-c', SWITCH_SETTINGS]));
    await ipBatch(
      [
        'link add br0 type bridge',
        `addr add ${SWITCH_ADDRESS}/16 dev br0`,
        'link set br0 up',
        'route add blackhole default',
      ],
      bed.#switch.name,
    );
    return bed;
  }

  /**
   * Removes what dead owners left, the programs in there included. `kept` also removes the beds that were
   * to outlive their owner. Answers the names of the namespaces removed.
   */
  static sweep(options: { readonly kept?: boolean } = {}): string[] {
    const dead = listNamespaces(PREFIX).filter((name) => {
      const owner = /^mm(\d+)\./.exec(name)?.[1];
      if (owner === undefined) return false;
      return owner === '0' ? options.kept === true : !existsSync(`/proc/${owner}`);
    });
    for (const name of dead) removeNamespace(name);
    return dead;
  }

  /** A host on the switch, interface `eth0`, address inside 10.99.0.0/16. */
  async host(name: string, options: { readonly address: string }): Promise<Host> {
    const hub = this.#hub();
    const site: HostSite = {
      namespace: (inner) => createNamespace(`${this.prefix}${inner}`, inner),
      announce: async (subnet, via) => {
        await ip(['-n', hub.name, 'route', 'add', subnet, 'via', via]);
      },
      started: (program) => {
        this.#programs.add(program);
      },
    };
    const namespace = await site.namespace(name);
    const port = `p${this.#hosts++}`;
    await ip([
      'link',
      'add',
      'eth0',
      'netns',
      namespace.name,
      'type',
      'veth',
      'peer',
      'name',
      port,
      'netns',
      hub.name,
    ]);
    await ipBatch([`link set ${port} master br0`, `link set ${port} up`], hub.name);
    await ipBatch([`addr add ${options.address}/16 dev eth0`, 'link set eth0 up'], namespace.name);
    const host = new Host(name, options.address, namespace, site);
    await host.defaultRoute(SWITCH_ADDRESS);
    return host;
  }

  /** Kills the programs and deletes the namespaces. Harmless twice. */
  async destroy(): Promise<void> {
    beds.delete(this);
    for (const program of this.#programs) program.kill('SIGKILL');
    await Promise.all([...this.#programs].map((program) => program.exited));
    this.#removeNamespaces();
  }

  /** For a process that is about to end: what `destroy` does, without waiting. */
  abandon(): void {
    beds.delete(this);
    if (this.#kept) return;
    for (const program of this.#programs) program.kill('SIGKILL');
    this.#removeNamespaces();
  }

  #removeNamespaces(): void {
    for (const name of listNamespaces(this.prefix)) removeNamespace(name);
  }

  #hub(): Namespace {
    if (this.#switch === undefined) throw new Error('the test bed was not created');
    return this.#switch;
  }
}

let registered = false;

function registerCleanup(): void {
  if (registered) return;
  registered = true;
  const abandonAll = (): void => {
    for (const bed of [...beds]) bed.abandon();
  };
  process.on('exit', abandonAll);
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    // Not `once`: a second Ctrl-C, or one from the terminal beside one from a parent, must not end the clearing away.
    process.on(signal, () => {
      abandonAll();
      process.exit(status);
    });
  }
}
