import { isIP } from 'node:net';
import { resolve } from 'node:path';
import * as z from 'zod';
import type { BackendChoice } from '../core/balancer/backend.js';
import type { Network } from '../core/data-plane/source-address.js';
import { formatDuration } from '../core/duration.js';
import { formatAddress, parseAddress, whyNoBackend } from '../core/endpoint.js';
import { type ConfigFault, describeIssue, type Fault, faultsOf, shown } from './config-fault.js';
import { type ConfigContext, duration, filePath, matching, port, text, whole } from './config-values.js';
import {
  checkMesh,
  describeMesh,
  effectiveMesh,
  type MeshConfig,
  meshSection,
  meshSurroundingFaults,
} from './mesh-config.js';

/** The kernel allows 31 characters; the longest name derived from the VIP set's adds `-alive`. */
const MAX_IPSET_NAME = 31 - '-alive'.length;
const MAX_QUEUE = 65535;
const MAX_QUEUES = 256;
const DAY_MS = 86_400_000;

export interface Config {
  readonly node: {
    readonly name: string;
    /** Where other nodes reach this one; undefined on a node that runs alone. */
    readonly address: string | undefined;
  };
  /** Undefined: the node runs alone. */
  readonly mesh: MeshConfig | undefined;
  readonly api: { readonly address: string; readonly port: number };
  readonly sources: readonly SourceConfig[];
  readonly dataPlane: DataPlaneConfig;
  readonly balancer: BalancerConfig;
}

export type SourceConfig =
  | {
      readonly type: 'file';
      readonly path: string;
      readonly pollIntervalMs: number;
      /** A larger file is refused. */
      readonly maxBytes: number;
      /** Whether the other nodes of the mesh are told what it says. */
      readonly advertise: boolean;
    }
  | {
      readonly type: 'mesos-master';
      readonly url: string;
      readonly pollIntervalMs: number;
      /** For a whole reading. */
      readonly timeoutMs: number;
      /** A larger document, unpacked, is refused. */
      readonly maxBytes: number;
    }
  | {
      readonly type: 'mesos-agent';
      readonly url: string;
      readonly pollIntervalMs: number;
      readonly timeoutMs: number;
      readonly maxBytes: number;
      /** What it said last counts so long at most when it cannot be read. */
      readonly expiryMs: number;
    }
  | { readonly type: 'http'; readonly maxLeases: number; readonly maxTtlMs: number };

export interface DataPlaneConfig {
  readonly enabled: boolean;
  readonly firstQueue: number;
  readonly queues: number;
  readonly ipset: string;
  readonly keepRulesOnExit: boolean;
  /** Clients in these networks, which only this host can reach, are shown to backends as this host. */
  readonly masquerade: readonly Network[];
}

export interface BalancerConfig {
  readonly failureThreshold: number;
  readonly failureWindowMs: number;
  readonly backoffMs: number;
  readonly connectTimeoutMs: number;
  readonly choice: BackendChoice;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

const nodeAddress = text('an IPv4 address that other nodes can reach, such as 10.99.0.1', (value) => {
  const address = parseAddress(value);
  return address === undefined || whyNoBackend(address) !== undefined ? undefined : value;
});
const network = text('a network such as 172.17.0.0/16', readNetwork);
const httpUrl = text('a URL such as http://10.0.0.9:5050, without user, query or fragment', (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  return url.href.replace(/\/+$/, '');
});
const pollInterval = duration(100, DAY_MS).prefault('5s');

const maxBytes = whole(1024, 2 ** 30).default(2 ** 26);
const timeout = duration(100, 600_000).prefault('10s');
const SOURCES = [
  z.strictObject({
    type: z.literal('file'),
    path: filePath,
    pollInterval,
    maxBytes,
    advertise: z.boolean().default(false),
  }),
  z.strictObject({
    type: z.literal('mesos-master'),
    url: httpUrl,
    pollInterval,
    timeout,
    maxBytes,
  }),
  z.strictObject({
    type: z.literal('mesos-agent'),
    url: httpUrl,
    pollInterval,
    timeout,
    maxBytes,
    expiry: duration(1000, DAY_MS).prefault('60s'),
  }),
  z.strictObject({
    type: z.literal('http'),
    maxLeases: whole(1, 65_536).default(4096),
    maxTtl: duration(1000, DAY_MS).prefault('24h'),
  }),
] as const;
const SOURCE_TYPES = SOURCES.map((source) => source.shape.type.value).join(', ');

const source = z.discriminatedUnion('type', SOURCES, {
  error: (issue) => {
    if (issue.code !== 'invalid_union') return undefined;
    const type = (issue.input as { readonly type?: unknown } | undefined)?.type;
    return type === undefined
      ? `is missing; set it to one of ${SOURCE_TYPES}`
      : `must be one of ${SOURCE_TYPES}, not ${shown(type)}`;
  },
});

const schema = z
  .strictObject({
    node: z
      .strictObject({
        name: text(
          '1 to 64 letters, digits, ".", "-" or "_"',
          matching(/^[A-Za-z0-9][\w.-]{0,63}$/),
        ).optional(),
        address: nodeAddress.optional(),
      })
      .prefault({}),
    mesh: meshSection.optional(),
    api: z
      .strictObject({
        address: text('an IP address such as 127.0.0.1', (value) =>
          isIP(value) === 0 ? undefined : value,
        ).default('127.0.0.1'),
        port: port.default(61421),
      })
      .prefault({}),
    sources: z.array(source).default([]),
    dataPlane: z
      .strictObject({
        enabled: z.boolean().default(true),
        firstQueue: whole(0, MAX_QUEUE).default(50),
        queues: whole(1, MAX_QUEUES).default(1),
        ipset: text(
          `1 to ${MAX_IPSET_NAME} letters, digits, ".", "-" or "_" (the kernel allows 31, and "-tmp" and "-alive" are added)`,
          matching(new RegExp(`^[A-Za-z0-9][\\w.-]{0,${MAX_IPSET_NAME - 1}}$`)),
        ).default('minuteman'),
        keepRulesOnExit: z.boolean().default(false),
        masquerade: z.array(network).default([]),
      })
      .prefault({}),
    balancer: z
      .strictObject({
        failureThreshold: whole(1, 1000).default(5),
        failureWindow: duration(1000, DAY_MS).prefault('5m'),
        backoff: duration(100, DAY_MS).prefault('30s'),
        connectTimeout: duration(1, 60_000).prefault('400ms'),
        choice: z.enum(['two-choices', 'random']).default('two-choices'),
      })
      .prefault({}),
  })
  // Runs beside faults found already, so that the operator hears of everything at once. What is wrong by
  // itself is then still raw, hence the looks at types.
  .superRefine(
    (draft, context) => {
      if (typeof draft !== 'object' || draft === null) return;
      const fault = (path: PropertyKey[], message: string) =>
        context.addIssue({ code: 'custom', path, message });
      const { node, mesh, api, sources, dataPlane } = draft;
      checkQueues(dataPlane, fault);
      checkSources(sources, mesh !== undefined, fault);
      if (mesh === undefined) return;
      checkMesh(mesh, node, api, fault);
    },
    { when: () => true },
  );

function readNetwork(value: string): Network | undefined {
  const [, address, length] = /^([\d.]+)\/(\d|[12]\d|3[0-2])$/.exec(value) ?? [];
  const base = parseAddress(address ?? '');
  const prefixLength = Number(length);
  // Bits beyond the prefix are most likely a typing error in one or the other.
  if (base === undefined || base % 2 ** (32 - prefixLength) !== 0) return undefined;
  return { base, prefixLength };
}

type Parsed = z.output<typeof schema>;

function checkQueues(dataPlane: Parsed['dataPlane'] | undefined, fault: Fault): void {
  const { firstQueue, queues } = dataPlane ?? {};
  if (typeof firstQueue !== 'number' || typeof queues !== 'number') return;
  const last = firstQueue + queues - 1;
  if (firstQueue > MAX_QUEUE || queues > MAX_QUEUES || last <= MAX_QUEUE) return;
  fault(
    ['dataPlane', 'queues'],
    `${queues} queues from ${firstQueue} on end at ${last}, the last there is is ${MAX_QUEUE}; lower firstQueue or queues`,
  );
}

function checkSources(sources: Parsed['sources'] | undefined, meshed: boolean, fault: Fault): void {
  if (!Array.isArray(sources)) return;
  const seen = new Map<string, number>();
  for (const [index, entry] of sources.entries()) {
    if (typeof entry !== 'object' || entry === null) continue;
    if (!meshed && 'advertise' in entry && entry.advertise === true) {
      fault(
        ['sources', index, 'advertise'],
        'tells the other nodes of a mesh, and there is no mesh; add the section "mesh" or remove this line',
      );
    }
    const what = 'path' in entry ? entry.path : 'url' in entry ? entry.url : '';
    if (typeof what !== 'string') continue;
    const first = seen.get(`${entry.type} ${what}`);
    if (first !== undefined)
      fault(['sources', index], `is the same as sources[${first}]; remove one of them`);
    else seen.set(`${entry.type} ${what}`, index);
  }
}

/** Reads a parsed YAML or JSON document. Either everything is right, or all faults are named at once. */
export function readConfig(document: unknown, context: ConfigContext): ConfigResult {
  const parsed = schema.safeParse(document ?? {}, { error: describeIssue });
  const faults = parsed.success ? [] : [...faultsOf(parsed.error)];
  faults.push(...meshSurroundingFaults(document, context));
  if (!parsed.success || faults.length > 0) return { ok: false, faults };
  const { node, mesh, api, sources, dataPlane, balancer } = parsed.data;
  return {
    ok: true,
    config: {
      node: { name: node.name ?? context.hostname, address: node.address },
      mesh: mesh && effectiveMesh(mesh, context.directory),
      api,
      sources: sources.map((entry) => effectiveSource(entry, context)),
      dataPlane,
      balancer: {
        failureThreshold: balancer.failureThreshold,
        failureWindowMs: balancer.failureWindow,
        backoffMs: balancer.backoff,
        connectTimeoutMs: balancer.connectTimeout,
        choice: balancer.choice,
      },
    },
  };
}

function effectiveSource(entry: Parsed['sources'][number], context: ConfigContext): SourceConfig {
  if (entry.type === 'http') {
    const { maxTtl: maxTtlMs, ...rest } = entry;
    return { ...rest, maxTtlMs };
  }
  const { pollInterval: pollIntervalMs, ...rest } = entry;
  if (rest.type === 'file') return { ...rest, path: resolve(context.directory, rest.path), pollIntervalMs };
  const { timeout: timeoutMs, ...others } = rest;
  if (others.type === 'mesos-master') return { ...others, pollIntervalMs, timeoutMs };
  const { expiry: expiryMs, ...agent } = others;
  return { ...agent, pollIntervalMs, timeoutMs, expiryMs };
}

/** The configuration as its file would have to say it, nothing left to defaults: reading it back gives the same. */
export function describeConfig(config: Config): unknown {
  const { node, mesh, api, sources, dataPlane, balancer } = config;
  return {
    node,
    mesh: mesh && describeMesh(mesh),
    api,
    sources: sources.map(describeSource),
    dataPlane: {
      ...dataPlane,
      masquerade: dataPlane.masquerade.map(
        ({ base, prefixLength }) => `${formatAddress(base)}/${prefixLength}`,
      ),
    },
    balancer: {
      failureThreshold: balancer.failureThreshold,
      failureWindow: formatDuration(balancer.failureWindowMs),
      backoff: formatDuration(balancer.backoffMs),
      connectTimeout: formatDuration(balancer.connectTimeoutMs),
      choice: balancer.choice,
    },
  };
}

function describeSource(entry: SourceConfig): unknown {
  if (entry.type === 'http') {
    const { maxTtlMs, ...rest } = entry;
    return { ...rest, maxTtl: formatDuration(maxTtlMs) };
  }
  const { pollIntervalMs, ...rest } = entry;
  const pollInterval = formatDuration(pollIntervalMs);
  if (rest.type === 'file') return { ...rest, pollInterval };
  const { timeoutMs, ...others } = rest;
  const timeout = formatDuration(timeoutMs);
  if (others.type === 'mesos-master') return { ...others, pollInterval, timeout };
  const { expiryMs, ...agent } = others;
  return { ...agent, pollInterval, timeout, expiry: formatDuration(expiryMs) };
}
