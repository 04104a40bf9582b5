const view = new DataView(new ArrayBuffer(8));

/**
 * A hash of everything that was put in so far, in order: two 32-bit lanes of multiply-and-rotate mixing
 * (after MurmurHash3's body, Appleby 2011). It tells runs apart; it is not cryptographic.
 */
export class RollingHash {
  private low = 0x9e3779b9 | 0;
  private high = 0x85ebca6b | 0;

  addNumber(value: number): void {
    if (value === (value | 0)) {
      this.mix(value | 0);
      return;
    }
    view.setFloat64(0, value);
    this.mix(view.getInt32(0));
    this.mix(view.getInt32(4));
  }

  addText(value: string): void {
    for (let at = 0; at < value.length; at += 1) this.mix(value.charCodeAt(at));
    this.mix(value.length);
  }

  /** Numbers, strings, booleans and what is undefined; objects and arrays by their entries, in their order. */
  add(value: unknown): void {
    if (typeof value === 'number') this.addNumber(value);
    else if (typeof value === 'string') this.addText(value);
    else if (typeof value === 'boolean') this.mix(value ? 3 : 2);
    else if (value === undefined || value === null) this.mix(1);
    else {
      for (const [key, inner] of Object.entries(value)) {
        this.addText(key);
        this.add(inner);
      }
      this.mix(4);
    }
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return [this.high, this.low].map((half) => (finish(half) >>> 0).toString(16).padStart(8, '0')).join('');
  }

  private mix(word: number): void {
    const scrambled = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    this.low = (Math.imul(rotate(this.low ^ scrambled, 13), 5) + 0xe6546b64) | 0;
    this.high = (Math.imul(rotate(this.high ^ this.low, 17), 9) + scrambled) | 0;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function finish(half: number): number {
  let word = half;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
