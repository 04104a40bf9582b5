import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '../src/native/tool.js';
import type { Host } from '../testbed/host.js';
import type { Program } from '../testbed/program.js';

/** The checkout; this file runs from `build/js/bench`. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');

const SOURCES = join(ROOT, 'bench/load');
const PROGRAMS = join(ROOT, 'build/bench');

export type LoadProgram = 'connect' | 'accept' | 'stream';

/** What a run of `connect` measured; durations in microseconds. */
export interface LoadRun {
  readonly seconds: number;
  readonly started: number;
  readonly completed: number;
  readonly perSecond: number;
  /** Handshakes over 500 ms: a SYN was lost, or dropped, and sent again. */
  readonly slow: number;
  readonly failures: number;
  /** Where it failed and with what, such as `connect ECONNREFUSED`, and how often. */
  readonly errors: Readonly<Record<string, number>>;
  /** Until the handshake was done. */
  readonly connect: Latency;
  /** Until the reply was read. */
  readonly request: Latency;
}

export interface Latency {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Load {
  /** `ADDRESS:PORT`, taken in turn. */
  readonly targets: readonly string[];
  readonly concurrency: number;
  /** Must divide `concurrency`; 1 unless told otherwise. */
  readonly threads?: number;
  readonly durationMs: number;
  /** Ends the run earlier. */
  readonly count?: number;
  readonly perSecond?: number;
  /** Source address; with `ports`, each source port of the range is used in a cycle. */
  readonly source?: string;
  readonly ports?: readonly [number, number];
  readonly close?: 'rst' | 'fin';
}

/** Compiles the load programs that are older than their sources. Needs g++. */
export async function buildLoadPrograms(): Promise<void> {
  mkdirSync(PROGRAMS, { recursive: true });
  const newest = Math.max(...readdirSync(SOURCES).map((file) => statSync(join(SOURCES, file)).mtimeMs));
  const names: readonly LoadProgram[] = ['connect', 'accept', 'stream'];
  await Promise.all(
    names.map(async (name) => {
      const binary = loadProgram(name);
      if (existsSync(binary) && statSync(binary).mtimeMs > newest) return;
      const args = [
        '-O2',
        '-std=c++17',
        '-Wall',
        '-Wextra',
        '-pthread',
        '-o',
        binary,
        join(SOURCES, `${name}.cpp`),
      ];
      const run = await runTool('g++', args, { timeoutMs: 120_000 });
      if (run.code !== 0) throw new Error(`g++ ${args.join(' ')}: ${run.failure ?? run.stderr}`);
    }),
  );
}

export function loadProgram(name: LoadProgram): string {
  return join(PROGRAMS, name);
}

/** Starts the answering side on a host. */
export async function startAccept(host: Host, port: number): Promise<Program> {
  const args = ['--address', host.address, '--ports', String(port), '--say', host.name];
  const program = await host.spawn(loadProgram('accept'), args);
  await program.waitForLine(/^listening$/);
  return program;
}

/** Runs one load from a host to its end. */
export async function runLoad(host: Host, load: Load): Promise<LoadRun> {
  const args = ['--target', load.targets.join(','), '--concurrency', String(load.concurrency)];
  args.push('--duration-ms', String(load.durationMs), '--close', load.close ?? 'rst');
  if (load.threads !== undefined) args.push('--threads', String(load.threads));
  if (load.count !== undefined) args.push('--count', String(load.count));
  if (load.perSecond !== undefined) args.push('--rate', String(load.perSecond));
  if (load.source !== undefined) args.push('--source', load.source);
  if (load.ports !== undefined) args.push('--ports', load.ports.join('-'));
  const printed = await host.must(loadProgram('connect'), args, { timeoutMs: load.durationMs + 20_000 });
  return JSON.parse(printed) as LoadRun;
}

/** Leaves what a benchmark measured in `bench/results/NAME.json`. Answers the path. */
export function writeResult(name: string, result: unknown): string {
  const path = join(ROOT, 'bench/results', `${name}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
  return path;
}
