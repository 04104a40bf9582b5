import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../testbed/host.js';
import { ipBatch } from '../testbed/ip.js';
import type { Program } from '../testbed/program.js';
import type { Testbed } from '../testbed/testbed.js';
import { EXECUTABLE, startDaemon } from './daemon.js';
import { cpuMs } from './process-usage.js';

/** The ways to reach the backends that are compared, in the order they are measured. */
export const ARM_NAMES = ['direct', 'nft-dnat', 'haproxy', 'minuteman'] as const;
export type ArmName = (typeof ARM_NAMES)[number];

const VIP_ADDRESS = '10.1.2.3';
/**
 * As many as there are backends: the direct arm calls two addresses, and a kernel that may choose among the
 * ports of two meets a tuple that was just in use half as often.
 */
const VIP_PORTS = [5000, 5001];
export const BACKEND_PORT = 8000;

/** One way to reach the backends, standing in a client host of its own so that none burdens another. */
export interface Arm {
  readonly name: ArmName;
  readonly client: Host;
  /** What the client connects to, `ADDRESS:PORT`. */
  readonly targets: readonly string[];
  /** An address of the client that explicit source ports can be bound to. */
  readonly source: string;
  /** CPU time spent so far by the arm's own process, in milliseconds; 0 where the kernel does it all. */
  cpuMs(): number;
  /** Ends the arm's process, if it has one. */
  stop(): Promise<void>;
}

interface Site {
  readonly client: Host;
  readonly backends: readonly Host[];
  /** For configuration files. */
  readonly directory: string;
}

type Start = (site: Site) => Promise<Omit<Arm, 'name' | 'client'>>;

const VIPS = VIP_PORTS.map((port) => `${VIP_ADDRESS}:${port}`);

const STARTS: Readonly<Record<ArmName, Start>> = {
  direct: async ({ client, backends }) => ({
    targets: backends.map((backend) => `${backend.address}:${BACKEND_PORT}`),
    source: client.address,
    ...kernelOnly,
  }),
  'nft-dnat': async ({ client, backends }) => {
    await client.must(installed('nft')!, ['-f', '-'], { input: natRules(backends) });
    return { targets: VIPS, source: client.address, ...kernelOnly };
  },
  haproxy: async ({ client, backends, directory }) => {
    // The VIP is an address of the client's own here. A second one is for bound source ports, because the
    // first is where HAProxy's own connections to the backends come from.
    const second = '10.1.2.4';
    await ipBatch(
      [`addr add ${VIP_ADDRESS}/32 dev lo`, `addr add ${second}/32 dev lo`],
      client.namespace.name,
    );
    const file = join(directory, 'haproxy.cfg');
    writeFileSync(file, haproxyConfiguration(backends));
    const program = await client.spawn(installed('haproxy')!, ['-db', '-f', file]);
    await untilListening(client, program);
    return {
      targets: VIPS,
      source: second,
      cpuMs: () => cpuMs(program.pid),
      stop: async () => {
        await program.stop();
      },
    };
  },
  minuteman: async ({ client, backends, directory }) => {
    const endpoints = backends.map((backend) => `${backend.address}:${BACKEND_PORT}`);
    const vips = Object.fromEntries(VIPS.map((vip) => [vip, endpoints]));
    const daemon = await startDaemon(client, directory, vips);
    return {
      targets: VIPS,
      source: client.address,
      cpuMs: () => cpuMs(daemon.program.pid),
      stop: () => daemon.stop(),
    };
  },
};

const kernelOnly = { cpuMs: () => 0, stop: async () => {} };

/** Sets up an arm in a client host of its own, at 10.99.0.`20 + index of the arm`. */
export async function startArm(
  bed: Testbed,
  name: ArmName,
  backends: readonly Host[],
  directory: string,
): Promise<Arm> {
  const missing = missingProgram(name);
  if (missing !== undefined)
    throw new Error(`the arm ${name} needs ${missing}; npm run setup installs what is missing`);
  const client = await bed.host(name, { address: `10.99.0.${20 + ARM_NAMES.indexOf(name)}` });
  await client.must('sysctl', ['-qw', 'net.ipv4.ip_local_port_range=1024 65535']);
  return { name, client, ...(await STARTS[name]({ client, backends, directory })) };
}

/**
 * How long conntrack remembers a connection closed by RST. Only the arms with conntrack have it; the kernel's
 * default is 10 s.
 */
export async function setClosedTimeout(arm: Arm, seconds: number): Promise<void> {
  if (arm.name === 'direct' || arm.name === 'haproxy') return;
  await arm.client.must('sysctl', ['-qw', `net.netfilter.nf_conntrack_tcp_timeout_close=${seconds}`]);
}

/** The program an arm needs that is not installed, if there is one. */
export function missingProgram(name: ArmName): string | undefined {
  if (name === 'minuteman') return existsSync(EXECUTABLE) ? undefined : EXECUTABLE;
  const needed = { direct: 'g++', 'nft-dnat': 'nft', haproxy: 'haproxy' }[name];
  return installed(needed) === undefined ? needed : undefined;
}

/** Where a program of the system is. Under npm, `nft` would otherwise be a package of that name. */
function installed(program: string): string | undefined {
  const places = (process.env.PATH ?? '').split(':').filter((place) => !place.includes('node_modules'));
  return places.map((place) => join(place, program)).find((path) => existsSync(path));
}

/** As kube-proxy does it in nftables mode: one random draw per new connection, all in the kernel. */
function natRules(backends: readonly Host[]): string {
  const draw = backends.map((backend, at) => `${at} : ${backend.address} . ${BACKEND_PORT}`).join(', ');
  return `table ip bench {
  chain output {
    type nat hook output priority -100;
    ip daddr ${VIP_ADDRESS} tcp dport { ${VIP_PORTS.join(', ')} } dnat ip to numgen random mod ${backends.length} map { ${draw} }
  }
}
`;
}

/** Nothing but forwarding: no log, no checks, a thread per core, RST where the client sent RST. */
function haproxyConfiguration(backends: readonly Host[]): string {
  const servers = backends.map((backend) => `  server ${backend.name} ${backend.address}:${BACKEND_PORT}`);
  return `global
  nbthread 2
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option nolinger
listen vip
  bind ${VIPS.join(',')}
  balance random
${servers.join('\n')}
`;
}

async function untilListening(host: Host, program: Program): Promise<void> {
  while (program.running) {
    if ((await host.must('ss', ['-Hltn'])).includes(VIPS.at(-1)!)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${program.name} ended at once:\n${program.lines.join('\n')}`);
}
