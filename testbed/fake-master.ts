/**
 * A Mesos master for tests and demonstrations: serves `/master/state`, and misbehaves on demand.
 *
 *   node build/js/testbed/fake-master.js --listen 10.99.0.9:5050 --state FILE.json [--as BEHAVIOUR]
 *
 * The file is read anew for each request: a state document, or a `FakeCluster` (`{agents, tasks}`).
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { deflateSync, gzipSync } from 'node:zlib';
import { type FakeCluster, masterDocument } from './fake-cluster.js';

export type Behaviour =
  | { readonly as: 'plain' | 'gzip' | 'deflate' }
  /** Nobody listens. */
  | { readonly as: 'refuse' }
  /** Takes the request and says nothing. */
  | { readonly as: 'hang' }
  /** Sends a few bytes at a time, without end in sight. */
  | { readonly as: 'drip' }
  | { readonly as: 'status'; readonly status: number }
  | { readonly as: 'redirect'; readonly location: string }
  /** Announces the whole document and closes after half of it. */
  | { readonly as: 'truncated' | 'truncated-gzip' }
  /** A whole answer that holds half the JSON. */
  | { readonly as: 'half-json' }
  | { readonly as: 'garbage' }
  /** A body of 200 MB, its length announced or not. */
  | { readonly as: 'huge'; readonly announced: boolean };

const HUGE_BYTES = 200 * 1024 * 1024;
const DRIP_MS = 20;

export class FakeMaster {
  /** What is served: text goes out as it is. */
  state: () => string;
  /** Paths of the requests so far. */
  readonly requests: string[] = [];
  /** Bytes handed to the kernel in the last huge answer. */
  hugeBytesSent = 0;
  #behaviour: Behaviour = { as: 'plain' };
  #server: Server | undefined;
  #host = '127.0.0.1';
  #port = 0;
  readonly #sockets = new Set<Socket>();

  constructor(state: unknown = masterDocument({ agents: [], tasks: [] })) {
    const text = JSON.stringify(state);
    this.state = () => text;
  }

  get url(): string {
    return `http://${this.#host}:${this.#port}`;
  }

  serve(cluster: FakeCluster): void {
    const text = JSON.stringify(masterDocument(cluster));
    this.state = () => text;
  }

  /** Listens; port 0 takes a free one, which is kept from then on. */
  async start(host = '127.0.0.1', port = 0): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    this.#server = server;
    this.#host = host;
    this.#port = (server.address() as AddressInfo).port;
  }

  async behave(behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour;
    if (behaviour.as === 'refuse') await this.stop();
    else if (this.#server === undefined) await this.start(this.#host, this.#port);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(request.url ?? '');
    const behaviour = this.#behaviour;
    switch (behaviour.as) {
      case 'refuse':
      case 'hang':
        return;
      case 'status':
        response.writeHead(behaviour.status).end('no state today\n');
        return;
      case 'redirect':
        response.writeHead(307, { location: behaviour.location }).end();
        return;
      case 'garbage':
        response.writeHead(200).end('<html><body>Welcome to nginx!</body></html>\n');
        return;
      case 'huge':
        this.#huge(response, behaviour.announced);
        return;
      default:
        this.#document(request, response, behaviour.as);
    }
  }

  #document(request: IncomingMessage, response: ServerResponse, as: Behaviour['as']): void {
    if (!/^\/(master\/)?state(\.json)?$/.test(request.url ?? '')) {
      response.writeHead(404).end();
      return;
    }
    const body = Buffer.from(this.state());
    const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);
    const head = { 'content-type': 'application/json' };
    if (as === 'gzip') response.writeHead(200, { ...head, 'content-encoding': 'gzip' }).end(gzipSync(body));
    else if (as === 'deflate') {
      response.writeHead(200, { ...head, 'content-encoding': 'deflate' }).end(deflateSync(body));
    } else if (as === 'truncated-gzip') {
      response.writeHead(200, { ...head, 'content-encoding': 'gzip' }).end(half(gzipSync(body)));
    } else if (as === 'truncated') {
      response.writeHead(200, { ...head, 'content-length': body.length });
      response.write(half(body), () => response.destroy());
    } else if (as === 'half-json') response.writeHead(200, head).end(half(body));
    else if (as === 'drip') this.#drip(response, body);
    else response.writeHead(200, head).end(body);
  }

  #drip(response: ServerResponse, body: Buffer): void {
    response.writeHead(200, { 'content-length': body.length + 1_000_000 });
    let at = 0;
    const timer = setInterval(() => {
      response.write(body.subarray(at, at + 3));
      at += 3;
    }, DRIP_MS);
    response.on('close', () => clearInterval(timer));
  }

  #huge(response: ServerResponse, announced: boolean): void {
    this.hugeBytesSent = 0;
    response.writeHead(200, announced ? { 'content-length': HUGE_BYTES } : {});
    const block = Buffer.alloc(1 << 20, ' ');
    const more = () => {
      while (!response.destroyed && this.hugeBytesSent < HUGE_BYTES) {
        this.hugeBytesSent += block.length;
        if (!response.write(block)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  }
}

function stateOfFile(path: string): string {
  const text = readFileSync(path, 'utf8');
  try {
    const content = JSON.parse(text) as Partial<FakeCluster>;
    if (Array.isArray(content.agents) && Array.isArray(content.tasks)) {
      return JSON.stringify(masterDocument(content as FakeCluster));
    }
  } catch {
    // Served as it is: a document cut short is a thing to try.
  }
  return text;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { listen: { type: 'string' }, state: { type: 'string' }, as: { type: 'string' } },
  });
  const [, host, port] = /^(.*):(\d+)$/.exec(values.listen ?? '') ?? [];
  const path = values.state;
  if (host === undefined || path === undefined) {
    process.stderr.write(
      'usage: fake-master.js --listen ADDRESS:PORT --state FILE.json [--as plain|gzip|hang|…]\n',
    );
    process.exitCode = 2;
    return;
  }
  const master = new FakeMaster();
  master.state = () => stateOfFile(path);
  await master.start(host, Number(port));
  if (values.as !== undefined) await master.behave({ as: values.as } as Behaviour);
  process.stdout.write(`${JSON.stringify({ event: 'listening', url: master.url })}\n`);
  process.once('SIGTERM', () => void master.stop());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
