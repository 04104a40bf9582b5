import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { addressOf, type Endpoint, formatAddress, portOf } from '../../src/core/endpoint.js';
import { WsMesh } from '../../src/mesh/ws-mesh.js';
import { MESH_CASES } from '../conformance/mesh.js';
import { FarProcess } from './far-node.js';
import { freshEndpoint, freshPeer, KEY, meshSettings, OTHER_KEY } from './loopback.js';

for (const { title, run } of MESH_CASES) {
  test.serial(`mesh over web sockets: ${title}`, async (t) => {
    const self = freshPeer('near');
    const mesh = await WsMesh.open(meshSettings({ self }));
    const mute = await listenMute();
    const far: FarProcess[] = [];
    try {
      await run({
        mesh,
        self,
        deserted: freshEndpoint(),
        silent: mute.at,
        pass: (ms) => sleep(ms),
        start: async (kind) => {
          const node = await FarProcess.start(`far${far.length}`, kind === 'member' ? KEY : OTHER_KEY);
          far.push(node);
          return node;
        },
      });
      t.pass();
    } finally {
      for (const node of far) node.kill();
      mute.close();
      await mesh.stop();
    }
  });
}

/** A place that takes connections and says nothing; what no packet comes back from takes a network namespace. */
async function listenMute(): Promise<{ readonly at: Endpoint; close(): void }> {
  const at = freshEndpoint();
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(portOf(at), formatAddress(addressOf(at)), resolve));
  return { at, close: () => server.close() };
}
