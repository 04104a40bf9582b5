/** A terminal, or something that looks like one. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const EVERY_MS = 150;
const CLEAR = '\r\x1b[K';

/** One line that is written over and over; nothing at all where nobody watches. */
export class ProgressLine {
  private readonly stream: ProgressStream;
  private readonly nowMs: () => number;
  private shownMs = Number.NEGATIVE_INFINITY;
  private shown = false;

  constructor(stream: ProgressStream, nowMs: () => number) {
    this.stream = stream;
    this.nowMs = nowMs;
  }

  /** Shows what `text` makes, unless something was shown just now. */
  show(text: () => string): void {
    if (this.stream.isTTY !== true || this.nowMs() - this.shownMs < EVERY_MS) return;
    this.shownMs = this.nowMs();
    this.shown = true;
    this.stream.write(CLEAR + text().slice(0, (this.stream.columns ?? 80) - 1));
  }

  /** Makes room for other output. */
  clear(): void {
    if (this.shown) this.stream.write(CLEAR);
    this.shown = false;
  }
}
