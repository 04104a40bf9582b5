import { parseEndpoint } from '../../src/core/endpoint.js';
import type { MeshEvent } from '../../src/ports/mesh.js';
import type { FarCommand, FarReport } from './far-node.js';
import { freshPeer, openMesh } from './loopback.js';

/*
 * A daemon's mesh in a process of its own, told what to do over the channel to its parent: `far-host ENDPOINT NAME KEY`.
 */
const [at, name, key] = process.argv.slice(2) as [string, string, string];
const report = (message: FarReport): unknown => process.send!(message);

const self = freshPeer(name, parseEndpoint(at));
const mesh = await openMesh({ self, keys: () => [Buffer.from(key, 'hex')] });
const events: MeshEvent[] = [];
mesh.receive((batch) => events.push(...batch));

const idOf = (to: number): number => mesh.links().findLast(({ peer }) => peer.endpoint === to)?.id ?? 0;

process.on('message', (command: FarCommand) => {
  switch (command.do) {
    case 'events':
      return report({ kind: 'events', ask: command.ask, events });
    case 'dial':
      return mesh.dial(command.to, command.timeoutMs);
    case 'send': {
      const id = idOf(command.to);
      for (const frame of command.frames) mesh.send(id, frame);
      return;
    }
    case 'close':
      return mesh.close(idOf(command.to), command.reason);
  }
});
process.on('disconnect', () => process.exit(0));
report({ kind: 'ready', peer: self });
