import { get } from 'node:http';
import { CommandFailure, EXIT_FAILURE, EXIT_USAGE } from './failure.js';

export const DEFAULT_API = 'http://127.0.0.1:61421';
const TIMEOUT_MS = 10_000;

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks a running daemon; statuses in `expected` are answers, everything else fails with what to do. */
export async function askApi(
  api: string,
  path: string,
  expected: readonly number[] = [200],
): Promise<ApiAnswer> {
  if (!URL.canParse(api) || new URL(api).protocol !== 'http:') {
    throw new CommandFailure(EXIT_USAGE, `--api ${api} is no URL of an API; write it as ${DEFAULT_API}`);
  }
  const url = api.replace(/\/+$/, '') + path;
  let answer: { readonly status: number; readonly text: string };
  try {
    answer = await request(url);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandFailure(
      EXIT_FAILURE,
      `no answer from ${url} (${code ?? message}); is the daemon running? Start it with "minuteman agent", or name its API with --api URL`,
    );
  }
  const { status, text } = answer;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new CommandFailure(
      EXIT_FAILURE,
      `${url} answered something that is no JSON; is --api URL that of a minuteman?`,
    );
  }
  if (expected.includes(status)) return { status, body };
  const said = (body as { readonly error?: unknown } | null)?.error;
  throw new CommandFailure(
    EXIT_FAILURE,
    `${url} answered ${status}${typeof said === 'string' ? `: ${said}` : ''}; is --api URL that of a minuteman of this version?`,
  );
}

/** Not `fetch`, which refuses to speak to a number of ports. */
function request(url: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((answer, fail) => {
    const sent = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () =>
        answer({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('error', (error) => {
      fail(error.name === 'AbortError' ? new Error(`nothing within ${TIMEOUT_MS / 1000} s`) : error);
    });
  });
}
