import { randomBytes, randomInt } from 'node:crypto';
import type { Peer } from '../../src/core/cluster/peer.js';
import { type Endpoint, endpoint } from '../../src/core/endpoint.js';
import { MESH_LIMITS, type MeshLimits, type MeshSettings } from '../../src/mesh/settings.js';
import { WsMesh } from '../../src/mesh/ws-mesh.js';
import { systemClock } from '../../src/native/clock.js';
import type { Log } from '../../src/ports/log.js';
import { RecordingLog } from '../support/recording-log.js';

export const KEY = Buffer.alloc(32, 'member');
export const OTHER_KEY = Buffer.alloc(32, 'stranger');

/** Loopback's ports are shared by all tests of this machine; its sixteen million addresses keep them apart. */
export function freshEndpoint(): Endpoint {
  return endpoint((127 << 24) + randomInt(0x010000, 0xfeffff), randomInt(10_000, 30_000));
}

export function freshPeer(name = 'n1', at = freshEndpoint()): Peer {
  return { endpoint: at, name, instance: randomBytes(6).readUIntBE(0, 6) };
}

export interface NodeOptions {
  readonly self?: Peer;
  readonly keys?: (() => readonly Uint8Array[]) | undefined;
  readonly tls?: MeshSettings['tls'];
  readonly limits?: Partial<MeshLimits>;
  readonly log?: Log;
}

export function meshSettings(options: NodeOptions = {}): MeshSettings {
  return {
    self: options.self ?? freshPeer(),
    keys: 'keys' in options ? options.keys : () => [KEY],
    tls: options.tls,
    // Tests share their machine with others.
    limits: { ...MESH_LIMITS, handshakeTimeoutMs: 20_000, ...options.limits },
    clock: systemClock,
    log: options.log ?? new RecordingLog(),
  };
}

export function openMesh(options: NodeOptions = {}): Promise<WsMesh> {
  return WsMesh.open(meshSettings(options));
}
