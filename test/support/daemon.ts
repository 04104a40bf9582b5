import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendJson } from '../../src/api/vip-json.js';
import type { Host } from '../../testbed/host.js';
import type { Ending, Program } from '../../testbed/program.js';
import { MINUTEMAN } from './command.js';

/** A line of the daemon's log. */
export interface LogLine {
  readonly time: number;
  readonly level: number;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** VIPs as the file source takes them: `{ '10.1.2.3:5000': ['10.99.0.2:8080'] }`. */
export type VipsFile = Readonly<Record<string, readonly string[]>>;

export interface DaemonOptions {
  /** Of the file source; without it there is none. */
  readonly vips?: VipsFile;
  /** The other nodes are told what the file source says. */
  readonly advertise?: boolean;
  /** Further sources. */
  readonly sources?: readonly object[];
  /** Sections of the configuration, e.g. `{ dataPlane: { queues: 1 } }`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Put before its command: a program that sets something up and becomes it. */
  readonly through?: readonly string[];
}

const API = 'http://127.0.0.1:61421';
const START_MS = 20_000;
const STOP_MS = 15_000;

const directories: string[] = [];
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** `minuteman agent` on a host of the test bed, with what it reads. */
export class Daemon {
  readonly host: Host;
  readonly configPath: string;
  readonly vipsPath: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #through: readonly string[];
  #program: Program | undefined;

  constructor(host: Host, options: DaemonOptions) {
    const directory = mkdtempSync(join(tmpdir(), 'minuteman-daemon-'));
    directories.push(directory);
    this.host = host;
    this.configPath = join(directory, 'minuteman.json');
    this.vipsPath = join(directory, 'vips.json');
    this.#env = options.env ?? {};
    this.#through = options.through ?? [];
    const advertise = options.advertise ?? false;
    const file = { type: 'file', path: this.vipsPath, pollInterval: '200ms', advertise };
    if (options.vips !== undefined) this.publish(options.vips);
    const config = {
      node: { name: host.name, address: host.address },
      sources: [...(options.vips === undefined ? [] : [file]), ...(options.sources ?? [])],
      ...options.config,
    };
    writeFileSync(this.configPath, JSON.stringify(config));
  }

  /** The process that runs, or ran last. */
  get program(): Program {
    if (this.#program === undefined) throw new Error(`the daemon on ${this.host.name} was not started`);
    return this.#program;
  }

  /** Starts it (anew), without waiting for it to be ready. */
  async start(): Promise<void> {
    const command = [...this.#through, process.execPath, MINUTEMAN, 'agent', '--config', this.configPath];
    this.#program = await this.host.spawn(command[0]!, command.slice(1), { env: this.#env });
  }

  /** Ends it in order. */
  stop(): Promise<Ending> {
    return this.program.stop(STOP_MS);
  }

  /** The log so far, or its lines of one event. */
  log(event?: string): LogLine[] {
    const lines = this.program.lines.map(readLine).filter((line) => line !== undefined);
    return event === undefined ? lines : lines.filter((line) => line.event === event);
  }

  /** The first line of that event, gone by or to come. */
  async waitFor(
    event: string,
    fits: (line: LogLine) => boolean = () => true,
    timeoutMs = START_MS,
  ): Promise<LogLine> {
    const text = await this.program.waitForLine((candidate) => {
      const line = readLine(candidate);
      return line?.event === event && fits(line);
    }, timeoutMs);
    return readLine(text)!;
  }

  /** What its API answers to a GET of that path, as text. */
  get(path: string): Promise<string> {
    return this.host.must('curl', ['-sS', '--max-time', '10', API + path]);
  }

  /** The backends of a VIP with what the daemon knows of them. */
  async backends(vip: string): Promise<Readonly<Record<string, BackendJson>>> {
    return JSON.parse(await this.get(`/vip/${vip}`)) as Readonly<Record<string, BackendJson>>;
  }

  /** The value of a metric, the sum over its labels; 0 if it has none. */
  async metric(name: string, labels = ''): Promise<number> {
    const lines = (await this.get('/metrics')).split('\n');
    return lines
      .filter((line) => line.replace(/[{ ].*/, '') === name && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** Replaces the file source's VIPs, at once. */
  publish(vips: VipsFile): void {
    writeFileSync(`${this.vipsPath}.new`, JSON.stringify({ vips }));
    renameSync(`${this.vipsPath}.new`, this.vipsPath);
  }
}

/** Starts a daemon on the host; answers when it is ready. It ends with the bed at the latest. */
export async function startDaemon(host: Host, options: DaemonOptions): Promise<Daemon> {
  const daemon = new Daemon(host, options);
  await daemon.start();
  await daemon.waitFor('ready');
  return daemon;
}

/** Other programs' output, such as Node's own warnings, is no line of the log. */
function readLine(text: string): LogLine | undefined {
  return text.startsWith('{') ? (JSON.parse(text) as LogLine) : undefined;
}
