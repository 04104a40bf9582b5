import { endpoint, parseAddress, parseEndpoint } from '../core/endpoint.js';
import { NodeMesh } from '../mesh/node-mesh.js';
import type { Log } from '../ports/log.js';
import type { Clock } from '../ports/time.js';
import type { MeshAccess } from '../ports/world.js';
import type { Config } from './config.js';
import { CommandFailure, EXIT_FAILURE } from './failure.js';

export interface JoinedMesh {
  readonly access: MeshAccess;
  stop(): Promise<void>;
}

/**
 * Opens this node's part in the mesh, if it is configured to have one: from then on others may link to it. What keeps it
 * from listening fails with a line that says what to do.
 */
export async function joinMesh(config: Config, clock: Clock, log: Log): Promise<JoinedMesh | undefined> {
  const { node, mesh } = config;
  if (mesh === undefined) return undefined;
  const address = parseAddress(node.address ?? '');
  if (address === undefined) throw new Error('the configuration let a mesh without node.address pass');
  let opened: NodeMesh;
  try {
    opened = await NodeMesh.open(
      {
        name: node.name,
        endpoint: endpoint(address, mesh.port),
        keyFile: mesh.keyFile,
        tls: mesh.tls,
        maxFrameBytes: mesh.maxFrameBytes,
        stateFile: mesh.stateFile,
      },
      clock,
      log,
    );
  } catch (error) {
    throw new CommandFailure(EXIT_FAILURE, (error as Error).message);
  }
  return {
    access: {
      mesh: opened.mesh,
      self: opened.self,
      contacts: mesh.contacts.map((contact) => parseEndpoint(contact)!),
      store: opened.members,
    },
    stop: () => opened.stop(),
  };
}
