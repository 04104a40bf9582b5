import { formatEndpoint } from '../../src/core/endpoint.js';
import { applyDelta, NO_VIPS, type Vips } from '../../src/core/vips.js';
import type { Source, SourceReading } from '../../src/ports/sources.js';

export function readOnce(source: Source, token?: string): Promise<SourceReading> {
  return new Promise((resolve) => source.read(token, resolve));
}

/** `vip=backend,backend vip=…`, sorted. */
export function asText(vips: Vips): string {
  return [...vips]
    .map(([vip, backends]) => `${formatEndpoint(vip)}=${[...backends].map(formatEndpoint).sort().join(',')}`)
    .sort()
    .join(' ');
}

/** Follows a source as its poller does: a failed reading changes nothing. */
export class Follower {
  vips: Vips = NO_VIPS;
  token: string | undefined;
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  async poll(): Promise<SourceReading> {
    const reading = await readOnce(this.#source, this.token);
    if (reading.kind === 'changed')
      this.vips = applyDelta(reading.reset ? NO_VIPS : this.vips, reading.delta);
    if (reading.kind !== 'failed') this.token = reading.token;
    return reading;
  }

  /** One poll in a word, and what stands after it. */
  async step(): Promise<string> {
    const reading = await this.poll();
    const how = reading.kind === 'changed' && reading.reset ? 'reset' : reading.kind;
    return `${how}: ${asText(this.vips)}`;
  }
}
