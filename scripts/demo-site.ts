import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../testbed/host.js';
import type { Program } from '../testbed/program.js';
import { Testbed } from '../testbed/testbed.js';

const HELLO = fileURLToPath(new URL('../testbed/hello.js', import.meta.url));
const FAKE_MASTER = fileURLToPath(new URL('../testbed/fake-master.js', import.meta.url));
/** The command as its users start it. */
export const MINUTEMAN = fileURLToPath(new URL('../../../bin/minuteman', import.meta.url));

/** VIPs are addresses that no machine has. */
export const FILE_VIP = '10.1.2.3:5000';
export const MESOS_VIP = '10.1.2.4:80';
export const BACKENDS = ['web1', 'web2'] as const;
const FILE_PORT = 8080;
/** What a Mesos agent offers its tasks by default. */
const TASK_PORT = 31000;
const MASTER_ADDRESS = '10.99.0.9';
/** Short, so that nobody has to wait for a backend to be tried again; 30 s is the default. */
export const BACKOFF_SECONDS = 3;

const FILES = 'minuteman-demo-';
const KEPT_FILES = 'minuteman-demo-kept-';
const START_MS = 20_000;
const LOG_TAIL_LINES = 15;

export type BackendName = (typeof BACKENDS)[number];

/** A program whose output goes to a file, so that it may outlive us. */
export interface Logged {
  readonly program: Program;
  readonly log: string;
}

/**
 * The machines of the demo: `client`, `web1`, `web2` with a daemon each, and `master` with a fake Mesos
 * master. Everything they read and write is in one directory under /tmp.
 */
export class DemoSite {
  readonly bed: Testbed;
  readonly directory: string;
  readonly hosts = new Map<string, Host>();
  readonly daemons = new Map<string, Logged>();
  readonly #hellos = new Map<string, Program>();

  private constructor(bed: Testbed, directory: string) {
    this.bed = bed;
    this.directory = directory;
  }

  static async create(kept: boolean): Promise<DemoSite> {
    const bed = await Testbed.create({ kept });
    const directory = mkdtempSync(join(tmpdir(), kept ? KEPT_FILES : FILES));
    const site = new DemoSite(bed, directory);
    // Also when the demo is interrupted; the bed removes its namespaces by itself.
    if (!kept) process.on('exit', () => site.#removeFiles());
    const addresses = { client: '10.99.0.1', web1: '10.99.0.2', web2: '10.99.0.3', master: MASTER_ADDRESS };
    for (const [name, address] of Object.entries(addresses)) {
      site.hosts.set(name, await bed.host(name, { address }));
    }
    return site;
  }

  host(name: string): Host {
    return this.hosts.get(name)!;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** Both hello programs of a host: one behind the VIP of the file, one a "task" of the fake Mesos. */
  async startHellos(): Promise<void> {
    for (const name of BACKENDS) {
      await this.startHello(name);
      const { address } = this.host(name);
      await this.#start(name, `task-${name}`, [
        HELLO,
        ...['--listen', `${address}:${TASK_PORT}`, '--say-string', 'hello from a Mesos task'],
      ]);
    }
  }

  async startHello(name: BackendName): Promise<void> {
    const listen = `${this.host(name).address}:${FILE_PORT}`;
    const hello = await this.#start(name, `hello-${name}`, [
      HELLO,
      ...['--listen', listen, '--say-string', 'hello'],
    ]);
    await waitFor(hello, (line) => line.includes('listening'));
    this.#hellos.set(name, hello.program);
  }

  helloPid(name: BackendName): number | undefined {
    return this.#hellos.get(name)?.pid;
  }

  async killHello(name: BackendName): Promise<void> {
    const program = this.#hellos.get(name);
    program?.kill('SIGKILL');
    await program?.exited;
  }

  /** Writes what the sources will read, and starts the fake master. Answers the text of the VIP file. */
  async startSources(): Promise<string> {
    const backends = BACKENDS.map((name) => `"${this.host(name).address}:${FILE_PORT}"`);
    const vips = `vips:\n  "${FILE_VIP}": [${backends.join(', ')}]\n`;
    writeFileSync(this.file('vips.yaml'), vips);
    const cluster = {
      agents: BACKENDS.map((name) => ({ id: name, address: this.host(name).address })),
      tasks: BACKENDS.map((name) => ({ id: `hello.${name}`, agent: name, vip: MESOS_VIP, port: TASK_PORT })),
    };
    writeFileSync(this.file('cluster.json'), `${JSON.stringify(cluster, null, 2)}\n`);
    const master = await this.#start('master', 'master', [
      FAKE_MASTER,
      ...['--listen', `${MASTER_ADDRESS}:5050`, '--state', this.file('cluster.json')],
    ]);
    await waitFor(master, (line) => line.includes('listening'));
    return vips;
  }

  async startDaemon(name: string): Promise<void> {
    const config = this.file(`${name}.yaml`);
    writeFileSync(
      config,
      [
        `node: { name: ${name}, address: ${this.host(name).address} }`,
        'sources:',
        `  - { type: file, path: ${this.file('vips.yaml')} }`,
        `  - { type: mesos-master, url: "http://${MASTER_ADDRESS}:5050", pollInterval: 1s }`,
        `balancer: { backoff: ${BACKOFF_SECONDS}s }`,
        '',
      ].join('\n'),
    );
    const daemon = await this.#start(name, `daemon-${name}`, [MINUTEMAN, 'agent', '--config', config]);
    this.daemons.set(name, daemon);
    await waitFor(daemon, (line) => line.includes('"event":"ready"'));
  }

  /** What the client's machine gets when it runs a command: its output, or what went wrong, in one text. */
  async run(name: string, file: string, args: readonly string[]): Promise<{ ok: boolean; text: string }> {
    const { code, stdout, stderr, failure } = await this.host(name).exec(file, args);
    const text = (stdout + stderr).trim();
    return { ok: code === 0, text: failure === undefined ? text : `${text} (${failure})` };
  }

  /** The last lines of each daemon's log. */
  logTails(): string {
    return [...this.daemons]
      .map(([name, { log }]) => `--- end of the log of the daemon on ${name}\n${tail(log)}`)
      .join('\n');
  }

  /** Stops the daemons in order, so that they take their rules away. Answers the names of those that failed to. */
  async stopDaemons(): Promise<string[]> {
    const endings = await Promise.all(
      [...this.daemons].map(async ([name, { program }]) => ({ name, ending: await program.stop() })),
    );
    return endings.filter(({ ending }) => ending.code !== 0).map(({ name }) => name);
  }

  async destroy(): Promise<void> {
    await this.bed.destroy();
    this.#removeFiles();
  }

  /** Removes what demos that were kept wrote; their namespaces are the test bed's to remove. */
  static removeKeptFiles(): void {
    for (const name of readdirSync(tmpdir())) {
      if (name.startsWith(KEPT_FILES)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
  }

  #removeFiles(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Starts a node program on a host; its output goes to `LABEL.log`. */
  async #start(name: string, label: string, args: readonly string[]): Promise<Logged> {
    const log = this.file(`${label}.log`);
    writeFileSync(log, '');
    // A session of its own: Ctrl-C in the terminal is for the demo, which ends the others itself.
    const shell = ['-c', 'exec setsid "$@" >>"$LOG" 2>&1', 'sh', process.execPath, ...args];
    const program = await this.host(name).spawn('sh', shell, { env: { LOG: log } });
    return { program, log };
  }
}

/** Waits for a line in the program's log, looked for from byte `from` on; fails when it ends or takes too long. */
export async function waitFor(
  { program, log }: Logged,
  wanted: (line: string) => boolean,
  from = 0,
  timeoutMs = START_MS,
): Promise<string> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const { running } = program;
    const found = readFileSync(log).subarray(from).toString().split('\n').find(wanted);
    if (found !== undefined) return found;
    if (!running) throw new Error(`${program.name} ended early; its log ends with\n${tail(log)}`);
    if (performance.now() > giveUpAt) {
      throw new Error(
        `${program.name} did not say in ${timeoutMs / 1000} s what we waited for; ${log} ends with\n${tail(log)}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function tail(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}
