import type { Endpoint } from '../../core/endpoint.js';

/** A place in a chain of tuples whose hashes are alike. */
interface Node<T> {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly value: T;
  next: Node<T> | undefined;
}

/** Things found by a pair of endpoints, as packets name them. */
export class TupleTable<T> {
  private readonly chains = new Map<number, Node<T>>();

  find(from: Endpoint, to: Endpoint): T | undefined {
    let node = this.chains.get(hashOf(from, to));
    while (node !== undefined && (node.from !== from || node.to !== to)) node = node.next;
    return node?.value;
  }

  /** The tuple is not in the table yet. */
  add(from: Endpoint, to: Endpoint, value: T): void {
    const hash = hashOf(from, to);
    this.chains.set(hash, { from, to, value, next: this.chains.get(hash) });
  }

  remove(from: Endpoint, to: Endpoint): void {
    const hash = hashOf(from, to);
    let before: Node<T> | undefined;
    for (let node = this.chains.get(hash); node !== undefined; node = node.next) {
      if (node.from === from && node.to === to) {
        if (before !== undefined) before.next = node.next;
        else if (node.next !== undefined) this.chains.set(hash, node.next);
        else this.chains.delete(hash);
        return;
      }
      before = node;
    }
  }

  clear(): void {
    this.chains.clear();
  }
}

/** 32 bits over two numbers of 48: the rounds of MurmurHash3 (Appleby 2011). */
export function hashOf(from: Endpoint, to: Endpoint): number {
  let hash = mix(0, from | 0);
  hash = mix(hash, (from / 0x1_0000_0000) | 0);
  hash = mix(hash, to | 0);
  hash = mix(hash, (to / 0x1_0000_0000) | 0);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mix(hash: number, word: number): number {
  let scrambled = Math.imul(word, 0xcc9e2d51);
  scrambled = Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  const mixed = hash ^ scrambled;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
