import type { Endpoint } from '../endpoint.js';

/** Numbers on the wire stay below 2^48: an endpoint fits, and a double holds them exactly. */
const NUMBER_LIMIT = 2 ** 48;

export const ENDPOINT_OCTETS = 6;

/** Puts numbers and texts one after the other, big-endian, into octets that grow as needed. */
export class OctetWriter {
  #octets: Uint8Array;
  #length = 0;

  constructor(expected = 64) {
    this.#octets = new Uint8Array(expected);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#room(1);
    this.#octets[this.#length++] = value;
  }

  u32(value: number): void {
    this.#room(4);
    const octets = this.#octets;
    octets[this.#length++] = value >>> 24;
    octets[this.#length++] = value >>> 16;
    octets[this.#length++] = value >>> 8;
    octets[this.#length++] = value;
  }

  /** Six octets. */
  endpoint(value: Endpoint): void {
    this.#room(2);
    const high = Math.floor(value / 2 ** 32);
    this.#octets[this.#length++] = high >>> 8;
    this.#octets[this.#length++] = high;
    this.u32(value % 2 ** 32);
  }

  /** Seven bits an octet, least first (LEB128): small numbers are short. */
  varint(value: number): void {
    this.#room(7);
    let rest = value;
    while (rest >= 128) {
      this.#octets[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#octets[this.#length++] = rest;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#octets.set(value, this.#length);
    this.#length += value.length;
  }

  /** How many, then each as the distance to the one before: those of one network are three octets or four. `sorted` ascends. */
  endpoints(sorted: readonly Endpoint[]): void {
    this.varint(sorted.length);
    let last = 0;
    for (const value of sorted) {
      this.varint(value - last);
      last = value;
    }
  }

  take(): Uint8Array {
    return this.#octets.length === this.#length ? this.#octets : this.#octets.slice(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#octets.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#octets.length, this.#length + more));
    grown.set(this.#octets);
    this.#octets = grown;
  }
}

/**
 * Reads what an `OctetWriter` wrote, from a stranger. It never throws: the first thing amiss is kept in `fault`, after which
 * every read answers 0 or nothing. Counts are checked against what is left before anything is allocated for them.
 */
export class OctetReader {
  readonly octets: Uint8Array;
  #at = 0;
  #fault: string | undefined;

  constructor(octets: Uint8Array) {
    this.octets = octets;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  get left(): number {
    return this.octets.length - this.#at;
  }

  fail(reason: string): void {
    this.#fault ??= reason;
    this.#at = this.octets.length;
  }

  u8(): number {
    if (this.left < 1) return this.#short();
    return this.octets[this.#at++]!;
  }

  u32(): number {
    if (this.left < 4) return this.#short();
    this.#at += 4;
    return u32At(this.octets, this.#at - 4);
  }

  endpoint(): Endpoint {
    if (this.left < ENDPOINT_OCTETS) return this.#short() as Endpoint;
    this.#at += ENDPOINT_OCTETS;
    return this.#checked(endpointAt(this.octets, this.#at - ENDPOINT_OCTETS));
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (let octets = 0; octets < 7; octets += 1) {
      const octet = this.u8();
      if (this.#fault !== undefined) return 0;
      value += (octet & 127) * unit;
      if (octet < 128) {
        // Each number has one form, so that equal records are equal octets.
        if (octet === 0 && octets > 0) break;
        if (value >= NUMBER_LIMIT) break;
        return value;
      }
      unit *= 128;
    }
    this.fail('a number is too long');
    return 0;
  }

  /** Passes over so many octets; answers the place of the first. */
  skip(length: number): number {
    const start = this.#at;
    if (this.left < length) this.#short();
    else this.#at += length;
    return start;
  }

  bytes(length: number): Uint8Array {
    if (this.left < length) {
      this.#short();
      return NOTHING;
    }
    this.#at += length;
    return this.octets.subarray(this.#at - length, this.#at);
  }

  /** A count of things of `size` octets at least. */
  count(most: number, size: number, what: string): number {
    const count = this.varint();
    if (count > most) this.fail(`${count} ${what}, more than ${most}`);
    else if (count * size > this.left) this.#short();
    return this.#fault === undefined ? count : 0;
  }

  /** Ascending, so that nobody is named twice. */
  endpoints(most: number, what: string): Endpoint[] {
    const values: Endpoint[] = [];
    let last = 0;
    for (let left = this.count(most, 1, what); left > 0; left -= 1) {
      const distance = this.varint();
      if (distance === 0) this.fail(`${what} are named twice`);
      const value = this.#checked(last + distance);
      if (this.#fault !== undefined) return [];
      last = value;
      values.push(value);
    }
    return values;
  }

  /** To be called last: anything that is left over is a fault. */
  end(): void {
    if (this.#fault === undefined && this.left > 0) this.fail(`${this.left} octets too many`);
  }

  #checked(value: number): Endpoint {
    // An address of 0.x.x.x or a port of 0 is nobody's.
    if (this.#fault === undefined && (value < 2 ** 40 || value >= NUMBER_LIMIT || value % 65536 === 0)) {
      this.fail('an endpoint that is none');
    }
    return value as Endpoint;
  }

  #short(): number {
    this.fail('it ends too early');
    return 0;
  }
}

/** The endpoint, or whatever it is, of the `ENDPOINT_OCTETS` from `at` on. */
export function endpointAt(octets: Uint8Array, at: number): Endpoint {
  return ((octets[at]! * 256 + octets[at + 1]!) * 2 ** 32 + u32At(octets, at + 2)) as Endpoint;
}

function u32At(octets: Uint8Array, at: number): number {
  return (octets[at]! * 2 ** 24 + (octets[at + 1]! << 16) + (octets[at + 2]! << 8) + octets[at + 3]!) >>> 0;
}

const NOTHING = new Uint8Array(0);
