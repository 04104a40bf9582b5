import * as z from 'zod';
import { formatDuration, parseDuration } from '../core/duration.js';
import { parseEndpoint } from '../core/endpoint.js';
import { shown } from './config-fault.js';

/* Kinds of values that configurations are made of, with the words for what is none. */

/** What the configuration takes from its surroundings. */
export interface ConfigContext {
  /** The default of `node.name`. */
  readonly hostname: string;
  /** Relative paths count from here: the directory of the configuration file. */
  readonly directory: string;
}

export function whole(min: number, max: number) {
  const error = (issue: { readonly input?: unknown }) =>
    issue.input === undefined
      ? `is missing; set it to a whole number of ${min} to ${max}`
      : `must be a whole number of ${min} to ${max}, not ${shown(issue.input)}`;
  return z.number({ error }).refine((n) => Number.isInteger(n) && n >= min && n <= max, { error });
}

export function duration(minMs: number, maxMs: number) {
  const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return z.unknown().transform((value, context) => {
    const ms = typeof value === 'string' ? parseDuration(value) : undefined;
    if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms;
    const why = ms === undefined ? 'must be a duration such as 400ms, 5s, 5m or 1h' : `must be ${range}`;
    context.addIssue({ code: 'custom', message: `${why}, not ${shown(value)}` });
    return z.NEVER;
  });
}

/** Text that `read` accepts, as `read` returns it; its answer is undefined for what must be `what` and is not. */
export function text<T>(what: string, read: (value: string) => T | undefined) {
  return z.string().transform((value, context) => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: `must be ${what}, not ${shown(value)}` });
    return z.NEVER;
  });
}

export const matching = (pattern: RegExp) => (value: string) => (pattern.test(value) ? value : undefined);
export const port = whole(1, 65535);
export const filePath = text('the path of a file', (value) =>
  value === '' || value.includes('\0') ? undefined : value,
);
/** An address and port of another node, kept as text. */
export const contact = text('an address and port such as 10.99.0.2:61420', (value) =>
  parseEndpoint(value) === undefined ? undefined : value,
);
