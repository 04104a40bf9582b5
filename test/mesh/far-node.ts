import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Peer } from '../../src/core/cluster/peer.js';
import { type Endpoint, formatEndpoint } from '../../src/core/endpoint.js';
import type { CloseReason, MeshEvent } from '../../src/ports/mesh.js';
import type { FarNode } from '../conformance/mesh.js';
import { freshEndpoint } from './loopback.js';

export type FarCommand =
  | { readonly do: 'events'; readonly ask: number }
  | { readonly do: 'dial'; readonly to: Endpoint; readonly timeoutMs: number }
  | { readonly do: 'send'; readonly to: Endpoint; readonly frames: readonly Uint8Array[] }
  | { readonly do: 'close'; readonly to: Endpoint; readonly reason: CloseReason };

export type FarReport =
  | { readonly kind: 'ready'; readonly peer: Peer }
  | { readonly kind: 'events'; readonly ask: number; readonly events: readonly MeshEvent[] };

/** A daemon's mesh in a process of its own. */
export class FarProcess implements FarNode {
  readonly peer: Peer;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, (events: readonly MeshEvent[]) => void>();
  #lastAsk = 0;

  private constructor(child: ChildProcess, peer: Peer) {
    this.#child = child;
    this.peer = peer;
    child.on('message', (report: FarReport) => {
      if (report.kind === 'events') this.#asked.get(report.ask)?.(report.events);
    });
  }

  static async start(name: string, key: Uint8Array): Promise<FarProcess> {
    const host = fileURLToPath(new URL('./far-host.js', import.meta.url));
    const args = [formatEndpoint(freshEndpoint()), name, Buffer.from(key).toString('hex')];
    const child = fork(host, args, { serialization: 'advanced' });
    const peer = await new Promise<Peer>((resolve, reject) => {
      child.once('message', (report: FarReport) => {
        if (report.kind === 'ready') resolve(report.peer);
      });
      child.once('exit', (code) => reject(new Error(`far-host ended with status ${code}`)));
    });
    return new FarProcess(child, peer);
  }

  events(): Promise<readonly MeshEvent[]> {
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    return new Promise((resolve) => {
      this.#asked.set(ask, resolve);
      this.#tell({ do: 'events', ask });
    });
  }

  dial(to: Endpoint, timeoutMs: number): void {
    this.#tell({ do: 'dial', to, timeoutMs });
  }

  send(to: Endpoint, frames: readonly Uint8Array[]): void {
    this.#tell({ do: 'send', to, frames });
  }

  close(to: Endpoint, reason: CloseReason): void {
    this.#tell({ do: 'close', to, reason });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  stall(): void {
    this.#child.kill('SIGSTOP');
  }

  #tell(command: FarCommand): void {
    this.#child.send(command);
  }
}
