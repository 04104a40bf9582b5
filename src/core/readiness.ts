/** Parts that must all be in place before a node serves, each with what it lacks. */
export class Readiness {
  readonly #missing: Map<string, string>;
  #onReady: (() => void) | undefined;

  /** `parts` says, for each part, why it is not ready yet. `onReady` is called once, when all are. */
  constructor(parts: Readonly<Record<string, string>>, onReady: () => void) {
    this.#missing = new Map(Object.entries(parts));
    this.#onReady = onReady;
  }

  ready(part: string): void {
    this.#missing.delete(part);
    if (this.#missing.size > 0 || this.#onReady === undefined) return;
    const announce = this.#onReady;
    this.#onReady = undefined;
    announce();
  }

  notReady(part: string, reason: string): void {
    this.#missing.set(part, reason);
  }

  /** What is not in place, and why. */
  reasons(): readonly string[] {
    return [...this.#missing.values()];
  }
}
