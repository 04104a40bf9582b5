import type { FastifyInstance } from 'fastify';
import { formatDuration, parseDuration } from '../core/duration.js';
import { type Address, addressOf, formatEndpoint, whyNoBackend, whyNoVip } from '../core/endpoint.js';
import type { LeaseDesk } from '../core/leases.js';
import { RequestError, readEndpoint, shown } from './request.js';

const LEAST_TTL_MS = 1000;
const DEFAULT_TTL = '30s';
const LEASE_PATH = '/v1/vips/:vip/backends/:backend';

interface LeaseParams {
  readonly vip: string;
  readonly backend: string;
}

/** Registering backends: `PUT` makes or renews a lease, `DELETE` ends it, `GET /v1/vips` lists those that run. */
export function routeLeases(server: FastifyInstance, leases: LeaseDesk | undefined): void {
  const desk = (): LeaseDesk => {
    if (leases !== undefined) return leases;
    throw new RequestError(
      404,
      'this node takes no registrations; add "- type: http" to the sources of its configuration',
    );
  };

  server.get('/v1/vips', async () => {
    const vips: Record<string, Record<string, LeaseJson>> = {};
    for (const { vip, backend, leftMs } of desk().running()) {
      const backends = vips[formatEndpoint(vip)] ?? {};
      backends[formatEndpoint(backend)] = { expires_in_ms: Math.round(leftMs) };
      vips[formatEndpoint(vip)] = backends;
    }
    return { vips };
  });

  server.put<{ Params: LeaseParams; Querystring: Readonly<Record<string, unknown>> }>(
    LEASE_PATH,
    async ({ params, query }, reply) => {
      const granted = desk();
      const { vip, backend } = endpointsOf(params);
      const ttlMs = readTtl(query, granted.maxTtlMs);
      const outcome = granted.put(vip, backend, ttlMs);
      if (outcome === 'full') {
        throw new RequestError(
          507,
          `${granted.maxLeases} leases run already; raise maxLeases of the source http, or register at other nodes`,
        );
      }
      reply.code(outcome === 'made' ? 201 : 200);
      return {
        vip: formatEndpoint(vip),
        backend: formatEndpoint(backend),
        ttl: formatDuration(ttlMs),
        outcome,
      };
    },
  );

  server.delete<{ Params: LeaseParams }>(LEASE_PATH, async ({ params }) => {
    const held = desk();
    const { vip, backend } = endpointsOf(params);
    const names = { vip: formatEndpoint(vip), backend: formatEndpoint(backend) };
    if (held.remove(vip, backend)) return { ...names, outcome: 'removed' };
    throw new RequestError(
      404,
      `${names.backend} holds no lease for ${names.vip} at this node; GET /v1/vips lists those that run`,
    );
  });
}

interface LeaseJson {
  readonly expires_in_ms: number;
}

function endpointsOf(params: LeaseParams) {
  const vip = checked(params.vip, whyNoVip, 'a VIP');
  const backend = checked(params.backend, whyNoBackend, 'a backend');
  if (vip === backend) {
    throw new RequestError(400, `${params.vip} cannot be its own backend; name where the service listens`);
  }
  return { vip, backend };
}

function checked(text: string, whyNot: (address: Address) => string | undefined, what: string) {
  const value = readEndpoint(text);
  const why = whyNot(addressOf(value));
  if (why !== undefined) throw new RequestError(400, `${text} cannot be ${what}: its address ${why}`);
  return value;
}

function readTtl(query: Readonly<Record<string, unknown>>, mostMs: number): number {
  for (const key of Object.keys(query)) {
    if (key !== 'ttl')
      throw new RequestError(400, `${shown(key)} is no parameter; there is ttl, such as ttl=30s`);
  }
  const { ttl = DEFAULT_TTL } = query;
  const ms = typeof ttl === 'string' ? parseDuration(ttl) : undefined;
  if (ms !== undefined && ms >= LEAST_TTL_MS && ms <= mostMs) return ms;
  const range = `${formatDuration(LEAST_TTL_MS)} to ${formatDuration(mostMs)}`;
  const given = typeof ttl === 'string' ? shown(ttl) : 'several values';
  throw new RequestError(400, `ttl must be a duration of ${range} such as 30s, not ${given}`);
}
