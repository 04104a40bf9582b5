import type { SourceWarning } from './vips.js';

const MOST = 100;
const ITEM_LENGTH = 160;

/** Collects warnings: each is kept once, at most 100 of them, and what was left out is counted. */
export class Warnings {
  readonly #kept = new Map<string, SourceWarning>();
  readonly #most: number;
  #leftOut = 0;

  constructor(most = MOST) {
    this.#most = most;
  }

  add(item: string, reason: string): void {
    const warning = { item: oneLine(item), reason };
    const key = `${warning.item}\n${reason}`;
    if (this.#kept.has(key)) return;
    if (this.#kept.size < this.#most) this.#kept.set(key, warning);
    else this.#leftOut += 1;
  }

  list(): readonly SourceWarning[] {
    const all = [...this.#kept.values()];
    if (this.#leftOut > 0)
      all.push({ item: 'more', reason: `${this.#leftOut} further warnings are not shown` });
    return all;
  }
}

function oneLine(text: string): string {
  const cut = text.length > ITEM_LENGTH ? `${text.slice(0, ITEM_LENGTH)}…` : text;
  // An item is a name somebody else chose: it must not break the line of a log or paint a terminal.
  return cut.replace(/\p{Cc}/gu, '?');
}
