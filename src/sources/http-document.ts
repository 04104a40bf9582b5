import { createHash } from 'node:crypto';
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip, createInflate } from 'node:zlib';

export interface FetchLimits {
  /** For everything: redirects, connecting and the last byte of the answer. */
  readonly timeoutMs: number;
  /** For each connection; at most `timeoutMs` matters. */
  readonly connectTimeoutMs: number;
  /** Of the document, unpacked. */
  readonly maxBytes: number;
}

/** A document as it arrived. `text` may be taken once. */
export interface FetchedDocument {
  readonly digest: string;
  text(): string;
}

/**
 * Why a document could not be had: what, where, and what to do, for the operator. The same trouble reads the
 * same each time, so that a log can tell it once.
 */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure';
}

/** Whose document it is, so that a failure names it. */
export type Asked = 'master' | 'agent';

const MOST_REDIRECTS = 3;

/**
 * GET of a document, following at most 3 redirects (a standing-by Mesos master answers with `//host:port/…`
 * of the leader). Each fetch is a connection of its own, so it always sees the present leader and name.
 * Rejects with `FetchFailure`. An answer above `maxBytes` is cut, before it is read where its length tells.
 */
export async function fetchDocument(url: URL, limits: FetchLimits, asked: Asked): Promise<FetchedDocument> {
  const deadlineMs = performance.now() + limits.timeoutMs;
  let at = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const answer = await request(at, limits, deadlineMs, asked);
    if (answer instanceof URL) at = answer;
    else return answer;
  }
  throw new FetchFailure(
    `${url.href}: redirected ${MOST_REDIRECTS + 1} times, last to ${at.href}; the masters do not agree on a leader`,
  );
}

/** One exchange: the document, or where to look instead. */
function request(
  url: URL,
  limits: FetchLimits,
  deadlineMs: number,
  asked: Asked,
): Promise<FetchedDocument | URL> {
  return new Promise((resolve, reject) => {
    let came = false;
    let settled = false;
    const end = (settle: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(total);
      clearTimeout(connecting);
      exchange.destroy();
      settle();
    };
    const fail = (what: string) => end(() => reject(new FetchFailure(`${url.href}: ${what}`)));
    const total = setTimeout(
      () => {
        fail(
          `no complete answer within ${limits.timeoutMs} ms (${came ? 'part of it' : 'nothing'} came); the ${asked} is overloaded or the way to it is bad`,
        );
      },
      Math.max(1, deadlineMs - performance.now()),
    );
    const connecting = setTimeout(() => {
      fail(
        `no connection within ${limits.connectTimeoutMs} ms; is the address right and no firewall between?`,
      );
    }, limits.connectTimeoutMs);
    const headers = { accept: 'application/json', 'accept-encoding': 'gzip, deflate' };
    const get = url.protocol === 'https:' ? getHttps : getHttp;
    const exchange = get(url, { agent: false, headers }, (response) => {
      const { statusCode = 0 } = response;
      if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) {
        const target = redirectTarget(url, response.headers.location);
        if (target === undefined) fail(`answered ${statusCode} with an unusable Location`);
        else end(() => resolve(target));
      } else if (statusCode !== 200) {
        fail(`answered ${statusCode}${statusHint(statusCode, asked)}`);
      } else {
        receive(response, limits.maxBytes, asked, () => {
          came = true;
        }).then(
          (document) => end(() => resolve(document)),
          (error: unknown) => fail(error instanceof Error ? error.message : String(error)),
        );
      }
    });
    exchange.once('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    exchange.on('error', (error: NodeJS.ErrnoException) => fail(connectionHint(error, asked)));
  });
}

async function receive(
  response: IncomingMessage,
  maxBytes: number,
  asked: Asked,
  progress: () => void,
): Promise<FetchedDocument> {
  const encoding = response.headers['content-encoding']?.toLowerCase() ?? 'identity';
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw new Error(tooLarge(`${announced} bytes`, maxBytes, asked));
  const body = unpacked(response, encoding);
  const hash = createHash('sha1');
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      progress();
      if (bytes > maxBytes) throw new Error(tooLarge(`more than ${maxBytes} bytes`, maxBytes, asked));
      hash.update(chunk);
      chunks.push(chunk);
    }
  } catch (error) {
    chunks.length = 0;
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code.startsWith('Z_') && code !== 'Z_BUF_ERROR') {
      throw new Error(`the ${encoding} answer is corrupt (${code})`);
    }
    throw new Error(`the answer was cut short (${code})`);
  }
  if (!response.complete) throw new Error('the answer was cut short');
  return { digest: hash.digest('base64'), text: () => takeText(chunks) };
}

function unpacked(response: IncomingMessage, encoding: string): Readable {
  switch (encoding) {
    case 'identity':
      return response;
    case 'gzip':
    case 'x-gzip':
      // Whoever iterates sees the errors; the pipeline only makes each end destroy the other.
      return pipeline(response, createGunzip(), () => {});
    case 'deflate':
      return pipeline(response, createInflate(), () => {});
    default:
      throw new Error(`the answer has the unknown content-encoding ${JSON.stringify(encoding)}`);
  }
}

/** Turns chunks to text and lets go of each at once, so that the document is not held twice. */
function takeText(chunks: Buffer[]): string {
  const decoder = new StringDecoder('utf8');
  let text = '';
  for (let index = 0; index < chunks.length; index++) {
    text += decoder.write(chunks[index]!);
    chunks[index] = Buffer.alloc(0);
  }
  text += decoder.end();
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function redirectTarget(from: URL, location: string | undefined): URL | undefined {
  if (location === undefined || !URL.canParse(location, from.href)) return undefined;
  const target = new URL(location, from.href);
  return target.protocol === 'http:' || target.protocol === 'https:' ? target : undefined;
}

function tooLarge(size: string, maxBytes: number, asked: Asked): string {
  return `the answer is too large (${size}; the limit is ${maxBytes}); was it the state of a Mesos ${asked}?`;
}

function statusHint(status: number, asked: Asked): string {
  if (status === 401 || status === 403) return `: the ${asked} wants credentials for its state`;
  if (status === 404) return `: no Mesos ${asked} serves its state there`;
  if (status === 503) {
    return asked === 'master'
      ? ': the masters have no leader at present'
      : ': the agent has not recovered its tasks yet';
  }
  return ', not 200';
}

function connectionHint(error: NodeJS.ErrnoException, asked: Asked): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `connection refused (ECONNREFUSED); does a Mesos ${asked} listen there?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name cannot be resolved (${error.code}); check the url and the resolver`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `no route to the ${asked} (${error.code})`;
    case 'ECONNRESET':
      return `the ${asked} closed the connection without an answer (ECONNRESET)`;
    default:
      return error.code === undefined || error.message.includes(error.code)
        ? error.message
        : `${error.message} (${error.code})`;
  }
}
