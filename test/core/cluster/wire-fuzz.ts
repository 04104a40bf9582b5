import fc from 'fast-check';
import seedrandom from 'seedrandom';
import type { Message } from '../../../src/core/cluster/messages.js';
import { decode, encode } from '../../../src/core/cluster/wire.js';
import { anyMessage } from './wire-arbitrary.js';

export interface FuzzOutcome {
  readonly inputs: number;
  readonly accepted: number;
  /** Of what was read, the most numbers per octet of the frame: what a lying count could buy. */
  readonly mostPerOctet: number;
  readonly slowestMs: number;
}

/**
 * Feeds `decode` random octets, and valid frames that were cut, spliced, flipped and overwritten with extreme counts.
 * Throws what `decode` throws, with the input.
 */
export function fuzzDecode(inputs: number, seed: string): FuzzOutcome {
  const random = seedrandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const valid = fc.sample(anyMessage, { numRuns: 300, seed: 7 }).map(encode);
  let accepted = 0;
  let mostPerOctet = 0;
  let slowestMs = 0;
  for (let i = 0; i < inputs; i += 1) {
    const frame = i % 3 === 0 ? noise() : mutated();
    const startedMs = performance.now();
    let decoded: ReturnType<typeof decode>;
    try {
      decoded = decode(frame);
    } catch (error) {
      throw new Error(`decode threw on ${Buffer.from(frame).toString('hex')}`, { cause: error });
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    if (!decoded.ok) continue;
    accepted += 1;
    mostPerOctet = Math.max(mostPerOctet, numbersIn(decoded.message) / frame.length);
  }
  return { inputs, accepted, mostPerOctet, slowestMs };

  function noise(): Uint8Array {
    const frame = Uint8Array.from({ length: below(200) }, () => below(256));
    // Most random first octets name no kind; these get a chance to go deeper.
    if (frame.length > 0 && random() < 0.9) frame[0] = below(14);
    return frame;
  }

  function mutated(): Uint8Array {
    const frame = valid[below(valid.length)]!.slice();
    for (let edits = 1 + below(3); edits > 0 && frame.length > 0; edits -= 1) {
      const at = below(frame.length);
      const kind = below(4);
      if (kind === 0) frame[at] = frame[at]! ^ (1 << below(8));
      else if (kind === 1) frame[at] = [0, 1, 127, 128, 255][below(5)]!;
      else if (kind === 2) frame.fill(255, at, at + below(8));
      else frame.set(valid[below(valid.length)]!.slice(0, frame.length - at), at);
    }
    return random() < 0.3 ? frame.slice(0, below(frame.length + 1)) : frame;
  }
}

function numbersIn(message: Message): number {
  switch (message.kind) {
    case 'shuffle':
    case 'shuffle-reply':
      return message.path.length + message.peers.length;
    case 'records':
      return message.records.reduce(
        (sum, { record }) =>
          sum +
          (record.kind === 'advert'
            ? [...record.vips.values()].reduce((n, { size }) => n + 1 + size, 0)
            : record.neighbours.length + record.name.length),
        0,
      );
    case 'digest':
      return message.entries.length;
    case 'want':
      return message.keys.length;
    default:
      return 1;
  }
}
