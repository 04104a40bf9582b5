import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEndpoint } from '../../src/core/endpoint.js';
import { WsMesh } from '../../src/mesh/ws-mesh.js';
import type { MeshEvent } from '../../src/ports/mesh.js';
import { freshPeer, KEY, meshSettings } from './loopback.js';

/* What the tests in network namespaces have done on a host. Endpoints are text here. */

async function open(at: string, name: string) {
  const self = freshPeer(name, parseEndpoint(at));
  const mesh = await WsMesh.open(meshSettings({ self, keys: () => [KEY] }));
  const events: MeshEvent[] = [];
  mesh.receive((batch) => events.push(...batch));
  return { mesh, events };
}

/** Dials each and answers what came of it, and after how many milliseconds. */
export async function dialAll(argument: {
  readonly at: string;
  readonly to: readonly string[];
  readonly timeoutMs: number;
}): Promise<readonly { readonly to: string; readonly outcome: string; readonly ms: number }[]> {
  const { mesh, events } = await open(argument.at, 'dialler');
  const outcomes: { to: string; outcome: string; ms: number }[] = [];
  for (const to of argument.to) {
    const startedMs = performance.now();
    mesh.dial(parseEndpoint(to)!, argument.timeoutMs);
    while (events.length === 0) await sleep(5);
    const [event] = events.splice(0);
    const outcome = event?.kind === 'dial-failed' ? event.reason : (event?.kind ?? '');
    outcomes.push({ to, outcome, ms: performance.now() - startedMs });
  }
  return outcomes;
}

/** Dials, and closes the link as silent `afterMs` later; answers the events, and how many sockets are left a moment later. */
export async function dialAndClose(argument: {
  readonly at: string;
  readonly to: string;
  readonly afterMs: number;
}): Promise<{ readonly kinds: readonly string[]; readonly openSockets: number }> {
  const { mesh, events } = await open(argument.at, 'dialler');
  mesh.dial(parseEndpoint(argument.to)!, 5000);
  while (mesh.links().length === 0) await sleep(5);
  process.stdout.write('opened\n');
  await sleep(argument.afterMs);
  for (const link of mesh.links()) {
    mesh.send(link.id, new Uint8Array(100));
    mesh.close(link.id, 'silent');
  }
  await sleep(600);
  const openSockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  return { kinds: events.map(({ kind }) => kind), openSockets };
}

/** Listens until it is killed. */
export async function listen(argument: { readonly at: string }): Promise<never> {
  await open(argument.at, 'listener');
  process.stdout.write('listening\n');
  return new Promise(() => {});
}

/** Answers who connects first. */
export function firstCaller(argument: { readonly at: string }): Promise<string> {
  const [host, port] = argument.at.split(':');
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      resolve(socket.remoteAddress ?? '');
      socket.destroy();
    });
    server.listen(Number(port), host, () => process.stdout.write('listening\n'));
  });
}
