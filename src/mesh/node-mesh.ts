import { randomBytes } from 'node:crypto';
import type { Peer } from '../core/cluster/peer.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Log } from '../ports/log.js';
import type { Clock } from '../ports/time.js';
import { KeyRing } from './key-ring.js';
import { MemberFile } from './member-file.js';
import { MESH_LIMITS } from './settings.js';
import type { TlsPaths } from './tls-files.js';
import { TlsWatch } from './tls-watch.js';
import { WsMesh } from './ws-mesh.js';

export interface NodeMeshSettings {
  readonly name: string;
  /** Where this node listens, and what the others call it. */
  readonly endpoint: Endpoint;
  /** One of the two is needed at least. */
  readonly keyFile?: string | undefined;
  readonly tls?: TlsPaths | undefined;
  readonly maxFrameBytes: number;
  readonly stateFile: string;
}

const INSTANCE_BYTES = 6;

/** A daemon's part in the mesh: its links, and what it remembers of the others. */
export class NodeMesh {
  readonly self: Peer;
  readonly mesh: WsMesh;
  readonly members: MemberFile;
  readonly #keys: KeyRing | undefined;
  readonly #tls: TlsWatch | undefined;

  private constructor(
    self: Peer,
    mesh: WsMesh,
    members: MemberFile,
    keys: KeyRing | undefined,
    tls: TlsWatch | undefined,
  ) {
    this.self = self;
    this.mesh = mesh;
    this.members = members;
    this.#keys = keys;
    this.#tls = tls;
    tls?.onChange((identity) => mesh.useIdentity(identity));
  }

  /** Rejects with what is wrong, for the operator. */
  static async open(settings: NodeMeshSettings, clock: Clock, log: Log): Promise<NodeMesh> {
    const { name, endpoint, keyFile, maxFrameBytes } = settings;
    const instance = randomBytes(INSTANCE_BYTES).readUIntBE(0, INSTANCE_BYTES);
    const self: Peer = { endpoint, name, instance };
    const keys = keyFile === undefined ? undefined : new KeyRing(keyFile, log);
    let tls: TlsWatch | undefined;
    try {
      tls = settings.tls && new TlsWatch(settings.tls, log);
      const mesh = await WsMesh.open({
        self,
        keys: keys && (() => keys.keys),
        tls: tls?.identity,
        limits: { ...MESH_LIMITS, maxFrameBytes },
        clock,
        log,
      });
      return new NodeMesh(self, mesh, new MemberFile(settings.stateFile, log), keys, tls);
    } catch (error) {
      keys?.close();
      tls?.close();
      throw error;
    }
  }

  /** Ends the links in an orderly way; settles when nothing is open and the members are on the disk. */
  async stop(): Promise<void> {
    this.#keys?.close();
    this.#tls?.close();
    await this.mesh.stop();
    await this.members.settled();
  }
}
