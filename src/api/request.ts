import { type Endpoint, parseEndpoint } from '../core/endpoint.js';

/** A request that cannot be answered; the message goes to the client. */
export class RequestError extends Error {
  readonly statusCode: number;
  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

const SHOWN_CHARS = 60;

/** A part of a request as an error message shows it. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN_CHARS));
}

export function readEndpoint(text: string): Endpoint {
  const value = parseEndpoint(text);
  if (value === undefined) throw new RequestError(400, `${shown(text)} is no IP:PORT such as 10.1.2.3:5000`);
  return value;
}
