import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type Endpoint, formatEndpoint } from '../core/endpoint.js';
import type { LeaseDesk } from '../core/leases.js';
import type { BackendStatus, NodeStatus } from '../core/status.js';
import type { Log } from '../ports/log.js';
import { routeLeases } from './leases.js';
import { membersJson, meshJson } from './mesh-json.js';
import { Metrics } from './metrics.js';
import { RequestError, readEndpoint } from './request.js';
import { TimeSlices } from './time-slice.js';
import { sharedBackendJson, vipPieces, vipsPieces } from './vip-json.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const CHUNK_CHARS = 32_768;
/** What a client may do to us at most; far above what tools on the host need. */
const MAX_BODY_BYTES = 65_536;
const MAX_CONNECTIONS = 128;
const IDLE_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 10_000;

export interface ApiOptions {
  readonly address: string;
  readonly port: number;
  readonly node: { readonly name: string; readonly address: string | undefined };
  readonly version: string;
}

/** The HTTP API of a node; it reads the node's status, and changes nothing but leases. */
export class Api {
  readonly #fastify: FastifyInstance;
  readonly #options: ApiOptions;

  constructor(status: NodeStatus, options: ApiOptions, log: Log, leases?: LeaseDesk) {
    this.#options = options;
    this.#fastify = Fastify({
      bodyLimit: MAX_BODY_BYTES,
      connectionTimeout: IDLE_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      forceCloseConnections: true,
      frameworkErrors: (error, _, reply) => {
        (reply as unknown as FastifyReply).code(error.statusCode ?? 400).send({ error: error.message });
      },
    });
    this.#fastify.server.maxConnections = MAX_CONNECTIONS;
    // Nothing here is told by a body, but some clients send an empty one, of whatever type.
    this.#fastify.removeAllContentTypeParsers();
    this.#fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
    answerErrors(this.#fastify, log);
    route(this.#fastify, status, options);
    routeLeases(this.#fastify, leases);
  }

  /** Starts to serve; answers the URL. Fails with a message for the operator. */
  async listen(): Promise<string> {
    const { address, port } = this.#options;
    try {
      return await this.#fastify.listen({ host: address, port });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const place = `${address}:${port}`;
      switch (code) {
        case 'EADDRINUSE':
          throw new Error(
            `api: ${place} is in use by another program; stop it or set api.port to a free port`,
          );
        case 'EADDRNOTAVAIL':
          throw new Error(
            `api: ${address} is no address of this host; set api.address to one of its own, or to 127.0.0.1`,
          );
        case 'EACCES':
          throw new Error(`api: this user may not listen on ${place}; set api.port to a port above 1023`);
        default:
          throw new Error(`api: cannot listen on ${place}: ${message}`);
      }
    }
  }

  /** Stops at once; requests under way are cut. */
  async close(): Promise<void> {
    await this.#fastify.close();
  }
}

function route(server: FastifyInstance, status: NodeStatus, options: ApiOptions): void {
  const slices = new TimeSlices();
  const metrics = new Metrics(status, slices);
  const { name } = options.node;

  server.get('/vips', (_, reply) => stream(reply, slices, vipsPieces(status.vips())));

  server.get<{ Params: { vip: string } }>('/vip/:vip', (request, reply) => {
    const vip = readEndpoint(request.params.vip);
    const found = status.vip(vip);
    if (found === undefined)
      throw new RequestError(404, `no VIP ${formatEndpoint(vip)} here; GET /vips lists all`);
    return stream(reply, slices, vipPieces(found));
  });

  server.get<{ Params: { backend: string } }>('/backend/:backend', async (request) => {
    const backend = readEndpoint(request.params.backend);
    const views = await viewsOf(backend, status, slices);
    if (views.size > 0) return sharedBackendJson(views);
    throw new RequestError(404, `no VIP has a backend ${formatEndpoint(backend)}; GET /vips lists all`);
  });

  server.get('/metrics', async (_, reply) => {
    reply.header('content-type', metrics.contentType);
    return metrics.text();
  });

  server.get('/healthz', async (_, reply) => {
    const { ok, reasons } = status.healthy();
    reply.code(ok ? 200 : 503);
    return {
      ok,
      reasons,
      node: name,
      version: options.version,
      uptime_s: Math.floor(process.uptime()),
      sources: status.sources().map((source) => ({
        name: source.name,
        ok: source.ok,
        vips: source.vips,
        errors: source.errors,
        age_ms: source.lastGoodAgeMs === undefined ? null : Math.round(source.lastGoodAgeMs),
        last_error: source.lastError ?? null,
      })),
      queues: status.queues().map(({ depth, droppedFull, droppedNoBuffer, ...queue }) => ({
        ...queue,
        depth: depth ?? null,
        dropped_full: droppedFull ?? null,
        dropped_no_buffer: droppedNoBuffer ?? null,
      })),
      conntrack: status.conntrack() ?? null,
    };
  });

  server.get('/members', async () => membersJson(options.node, status.mesh()));
  server.get('/mesh', async () => meshJson(options.node, status.mesh()));
}

async function viewsOf(
  backend: Endpoint,
  status: NodeStatus,
  slices: TimeSlices,
): Promise<ReadonlyMap<string, BackendStatus>> {
  function* search(): Generator<[vip: string, status: BackendStatus] | undefined> {
    for (const vip of status.vips()) {
      for (const candidate of vip.backends()) {
        yield candidate.backend === backend ? [formatEndpoint(vip.vip), candidate] : undefined;
      }
    }
  }
  const views = new Map<string, BackendStatus>();
  for await (const group of slices.divide(search())) {
    for (const found of group) if (found !== undefined) views.set(...found);
  }
  return views;
}

function stream(reply: FastifyReply, slices: TimeSlices, pieces: Iterable<string>): FastifyReply {
  async function* chunks(): AsyncGenerator<string> {
    for await (const group of slices.divide(pieces, CHUNK_CHARS, (piece) => piece.length))
      yield group.join('');
  }
  return reply.header('content-type', JSON_TYPE).send(Readable.from(chunks(), { objectMode: false }));
}

function answerErrors(server: FastifyInstance, log: Log): void {
  server.setNotFoundHandler((request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') {
      return reply.code(404).send({
        error: `no such path: ${request.url.slice(0, 100)}; there are /vips, /vip/IP:PORT, /backend/IP:PORT, /members, /mesh, /metrics, /healthz and /v1/vips`,
      });
    }
    if (request.url.startsWith('/v1/')) {
      return reply
        .code(405)
        .header('allow', 'GET, HEAD, PUT, DELETE')
        .send({
          error: `${request.method} is not allowed; use PUT or DELETE /v1/vips/IP:PORT/backends/IP:PORT`,
        });
    }
    return reply
      .code(405)
      .header('allow', 'GET, HEAD')
      .send({ error: `${request.method} is not allowed; use GET` });
  });
  server.setErrorHandler<Error & { readonly statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500)
      log.event('error', 'api-error', error.message, { url: request.url, stack: error.stack });
    return reply.code(status).send({ error: error.message });
  });
}
