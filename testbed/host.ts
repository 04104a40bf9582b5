import { runTool, type ToolRun } from '../src/native/tool.js';
import { ip, ipBatch } from './ip.js';
import { enter, type Namespace } from './namespace.js';
import { Program } from './program.js';

export interface ExecOptions {
  readonly timeoutMs?: number;
  readonly input?: string;
  /** What it executes is collected where coverage is; otherwise it runs as it is installed. */
  readonly covered?: boolean;
}

export interface SpawnOptions {
  readonly covered?: boolean;
  /** Whether it will be told something by `Program.write`. */
  readonly input?: boolean;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a host needs of the bed it stands in. */
export interface HostSite {
  /** Makes an empty namespace, counted to the bed. */
  namespace(name: string): Promise<Namespace>;
  /** Tells the rest of the bed which way a subnet lies. */
  announce(subnet: string, via: string): Promise<void>;
  started(program: Program): void;
}

/** A machine of the test bed: a network namespace with a host name of its own. */
export class Host {
  readonly name: string;
  readonly address: string;
  readonly namespace: Namespace;
  #site: HostSite;
  #links = 0;
  #containers = 0;
  #gateway: string | undefined;

  constructor(name: string, address: string, namespace: Namespace, site: HostSite) {
    this.name = name;
    this.address = address;
    this.namespace = namespace;
    this.#site = site;
  }

  /** Runs a program on this host to its end. */
  exec(file: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<ToolRun> {
    return runTool('nsenter', this.#command(file, args, options.covered), options);
  }

  /** As `exec`, but anything other than exit status 0 is an error. Answers what it printed. */
  async must(file: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<string> {
    const run = await this.exec(file, args, options);
    if (run.code === 0) return run.stdout;
    throw new Error(
      `${this.name}: ${file} ${args.join(' ')}: ${run.failure ?? `exit ${run.code}`}: ${run.stderr}${run.stdout}`,
    );
  }

  /** Starts a program on this host; its pid is its own. It is killed with the bed at the latest. */
  async spawn(file: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Program> {
    const program = await Program.start(
      'nsenter',
      this.#command(file, args, options.covered),
      { ...process.env, ...options.env },
      { name: `${this.name}: ${file}`, input: options.input ?? false },
    );
    this.#site.started(program);
    return program;
  }

  #command(file: string, args: readonly string[], covered = false): string[] {
    const bare = covered || !process.env.NODE_V8_COVERAGE;
    return bare
      ? enter(this.namespace, file, args)
      : enter(this.namespace, 'env', ['--unset=NODE_V8_COVERAGE', file, ...args]);
  }

  /** Takes an interface down: the host is cut off, its programs do not notice. */
  async down(device = 'eth0'): Promise<void> {
    await ip(['-n', this.namespace.name, 'link', 'set', device, 'down']);
  }

  /** Brings an interface up again, with the routes it had. */
  async up(device = 'eth0'): Promise<void> {
    await ip(['-n', this.namespace.name, 'link', 'set', device, 'up']);
    if (device === 'eth0' && this.#gateway !== undefined) await this.defaultRoute(this.#gateway);
  }

  /** Sends everything that has no nearer route by `gateway`, so that any VIP can be routed. */
  async defaultRoute(gateway: string): Promise<void> {
    this.#gateway = gateway;
    await ip(['-n', this.namespace.name, 'route', 'replace', 'default', 'via', gateway]);
  }

  /**
   * A second wire between two hosts, one /24 apart from the switch: `addresses` are mine and the other's.
   * Answers the names of the two interfaces.
   */
  async link(
    other: Host,
    options: { readonly addresses: readonly [string, string] },
  ): Promise<{ readonly device: string; readonly otherDevice: string }> {
    const device = `link${this.#links++}`;
    const otherDevice = `link${other.#links++}`;
    const [mine, theirs] = options.addresses;
    const [a, b] = [this.namespace.name, other.namespace.name];
    await ip(['link', 'add', device, 'netns', a, 'type', 'veth', 'peer', 'name', otherDevice, 'netns', b]);
    await ipBatch([`addr add ${mine}/24 dev ${device}`, `link set ${device} up`], a);
    await ipBatch([`addr add ${theirs}/24 dev ${otherDevice}`, `link set ${otherDevice} up`], b);
    return { device, otherDevice };
  }

  /**
   * A namespace as a container runtime makes it: behind the bridge `ctr0` of this host, whose address there
   * is the first of the container's /24, and which routes for it without translating addresses. Containers
   * of one host share the bridge.
   */
  async container(name: string, options: { readonly address: string }): Promise<Host> {
    const subnet = options.address.replace(/\.\d+$/, '');
    const own = this.namespace.name;
    if (this.#containers === 0) {
      await this.must('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
      await ipBatch(
        ['link add ctr0 type bridge', `addr add ${subnet}.1/24 dev ctr0`, 'link set ctr0 up'],
        own,
      );
      await this.#site.announce(`${subnet}.0/24`, this.address);
    }
    const port = `ctr0p${this.#containers++}`;
    const namespace = await this.#site.namespace(name);
    const inner = namespace.name;
    await ip(['link', 'add', 'eth0', 'netns', inner, 'type', 'veth', 'peer', 'name', port, 'netns', own]);
    await ipBatch([`link set ${port} master ctr0`, `link set ${port} up`], own);
    await ipBatch([`addr add ${options.address}/24 dev eth0`, 'link set eth0 up'], inner);
    const container = new Host(name, options.address, namespace, this.#site);
    await container.defaultRoute(`${subnet}.1`);
    return container;
  }
}
