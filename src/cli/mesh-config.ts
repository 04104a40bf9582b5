import { resolve } from 'node:path';
import * as z from 'zod';
import type { DetectorSettings } from '../core/cluster/failure-detector.js';
import { formatDuration } from '../core/duration.js';
import { isPeerName } from '../mesh/hello.js';
import { readKeyFile } from '../mesh/key-file.js';
import { readTlsFiles, type TlsPaths } from '../mesh/tls-files.js';
import { type ConfigFault, type Fault, shown } from './config-fault.js';
import { type ConfigContext, contact, duration, filePath, port, whole } from './config-values.js';

export interface MeshConfig {
  readonly port: number;
  /** `A.B.C.D:PORT` of nodes to join through. */
  readonly contacts: readonly string[];
  /** One of the two is there at least. */
  readonly keyFile?: string | undefined;
  readonly tls?: TlsPaths | undefined;
  /** Of the longest message between nodes; to be the same on all of them. */
  readonly maxFrameBytes: number;
  /** Where the members are remembered from one start to the next. */
  readonly stateFile: string;
  /** How long the adverts of a node that cannot be reached are kept, behind all others. */
  readonly forgetAfterMs: number;
  /** How neighbours are watched. */
  readonly detector: DetectorConfig;
}

/** The least times; they grow with the round trip to a neighbour. */
export type DetectorConfig = Pick<DetectorSettings, 'intervalMs' | 'missLeastMs' | 'graceLeastMs' | 'reping'>;

/** A record of a node may take this much of a frame; a smaller frame would leave it untold. */
const LEAST_FRAME_BYTES = 65_536;
const MONTH_MS = 30 * 86_400_000;

export const meshSection = z.strictObject({
  port: port.default(61420),
  contacts: z.array(contact).default([]),
  keyFile: filePath.optional(),
  tls: z.strictObject({ cert: filePath, key: filePath, ca: filePath }).optional(),
  maxFrameBytes: whole(LEAST_FRAME_BYTES, 2 ** 20).default(LEAST_FRAME_BYTES),
  stateFile: filePath.default('/var/lib/minuteman/members.json'),
  forgetAfter: duration(1000, MONTH_MS).prefault('24h'),
  detector: z
    .strictObject({
      interval: duration(100, 60_000).prefault('1s'),
      miss: duration(50, 5_000).prefault('250ms'),
      grace: duration(50, 6_000).prefault('300ms'),
      reping: z.boolean().default(true),
    })
    .prefault({}),
});

type Parsed = z.output<typeof meshSection>;

/** What is wrong with the section beside others. What is wrong by itself may be anything still. */
export function checkMesh(
  mesh: Parsed,
  node: { readonly address?: unknown } | undefined,
  api: { readonly port?: unknown } | undefined,
  fault: Fault,
): void {
  if (typeof mesh !== 'object' || mesh === null) return;
  if (mesh.keyFile === undefined && mesh.tls === undefined) {
    fault(
      ['mesh', 'keyFile'],
      'is missing; peers prove a shared key: make one with "minuteman keygen > FILE", copy it to every node and name the file here',
    );
  }
  if (typeof node === 'object' && node !== null && node.address === undefined) {
    fault(
      ['node', 'address'],
      'is missing; with a mesh, set it to the IPv4 address at which other nodes reach this one',
    );
  }
  if (typeof mesh.port === 'number' && mesh.port === api?.port) {
    fault(['mesh', 'port'], `${mesh.port} is also api.port; give one of them another port`);
  }
}

/** What is wrong with what the section takes from its surroundings, whatever else is wrong with the document. */
export function meshSurroundingFaults(document: unknown, context: ConfigContext): readonly ConfigFault[] {
  const { mesh, node } = (document ?? {}) as { readonly mesh?: unknown; readonly node?: unknown };
  if (typeof mesh !== 'object' || mesh === null) return [];
  const faults: ConfigFault[] = [];
  if (
    (node as { readonly name?: unknown } | undefined)?.name === undefined &&
    !isPeerName(context.hostname)
  ) {
    faults.push({
      path: 'node.name',
      message: `is missing, and this host's name ${shown(context.hostname)} cannot stand for it; set it`,
    });
  }
  const keyFile = filePath.safeParse('keyFile' in mesh ? mesh.keyFile : undefined);
  if (keyFile.success) {
    const keys = readKeyFile(resolve(context.directory, keyFile.data));
    if (!keys.ok) faults.push({ path: 'mesh.keyFile', message: keys.fault });
  }
  const tls = meshSection.shape.tls.safeParse('tls' in mesh ? mesh.tls : undefined);
  if (tls.success && tls.data !== undefined) {
    const files = readTlsFiles(effectiveTls(tls.data, context.directory));
    if (!files.ok) faults.push({ path: `mesh.tls.${files.which}`, message: files.fault });
  }
  return faults;
}

/** The section with its paths counted from `directory`. */
export function effectiveMesh(
  { keyFile, tls, stateFile, forgetAfter, detector, ...rest }: Parsed,
  directory: string,
): MeshConfig {
  return {
    ...rest,
    forgetAfterMs: forgetAfter,
    detector: {
      intervalMs: detector.interval,
      missLeastMs: detector.miss,
      graceLeastMs: detector.grace,
      reping: detector.reping,
    },
    keyFile: keyFile === undefined ? undefined : resolve(directory, keyFile),
    tls: tls && effectiveTls(tls, directory),
    stateFile: resolve(directory, stateFile),
  };
}

/** The section as its file would have to say it. */
export function describeMesh({ forgetAfterMs, detector, ...rest }: MeshConfig): unknown {
  const { intervalMs, missLeastMs, graceLeastMs, reping } = detector;
  return {
    ...rest,
    forgetAfter: formatDuration(forgetAfterMs),
    detector: {
      interval: formatDuration(intervalMs),
      miss: formatDuration(missLeastMs),
      grace: formatDuration(graceLeastMs),
      reping,
    },
  };
}

function effectiveTls({ cert, key, ca }: TlsPaths, directory: string): TlsPaths {
  return { cert: resolve(directory, cert), key: resolve(directory, key), ca: resolve(directory, ca) };
}
