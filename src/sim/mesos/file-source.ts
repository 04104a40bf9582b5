import { LastVips } from '../../core/last-vips.js';
import { readVipsDocument, type VipsDocumentResult } from '../../core/vips-document.js';
import type { Source, SourceReading } from '../../ports/sources.js';
import type { Timer } from '../../ports/time.js';
import type { Process } from '../engine/process.js';
import { OneReading } from './one-reading.js';
import { VIP_FILE, type VipFile } from './vip-files.js';

/** As in the real source: a file that was written to so recently may be half-written; it is looked at again. */
const QUIET_MS = 50;
const MOST_WAITS = 20;
/** A look at the disk, and one that reads and parses. */
const LOOK_MS = 0.1;
const READ_MS = 2;

/** What was read of a content; contents are never changed, so the same one need not be parsed again. */
const parsed = new WeakMap<Uint8Array, VipsDocumentResult | string>();

/** VIPs from the file on the host's disk. */
export class FileSource implements Source {
  readonly name = `file:${VIP_FILE}`;
  private readonly process: Process;
  private readonly file: VipFile;
  private readonly last: LastVips;
  private readonly reading: OneReading;
  private seen: { readonly content: Uint8Array; readonly token: string | undefined } | undefined;
  private unwatch: (() => void) | undefined;
  private debounce: Timer | undefined;

  /** `reader` is a name that no other reader of the run has. */
  constructor(process: Process, file: VipFile, reader: string) {
    this.process = process;
    this.file = file;
    this.last = new LastVips(reader);
    this.reading = new OneReading(this.name);
    process.onEnd(() => this.unwatch?.());
  }

  read(token: string | undefined, done: (reading: SourceReading) => void): void {
    const answer = this.reading.begin(done);
    this.process.start(LOOK_MS, () => this.look(token, answer, MOST_WAITS));
  }

  watch(changed: () => void): void {
    this.unwatch?.();
    this.unwatch = this.file.watch(() => {
      this.debounce?.cancel();
      this.debounce = this.process.start(QUIET_MS, () => {
        if (!this.reading.closed) changed();
      });
    });
  }

  close(): void {
    this.unwatch?.();
    this.debounce?.cancel();
    this.reading.close();
  }

  private look(token: string | undefined, answer: (reading: SourceReading) => void, waits: number): void {
    if (this.reading.closed) return;
    const { content, ageMs } = this.file;
    if (content === undefined) {
      answer({ kind: 'failed', reason: `${VIP_FILE}: does not exist; what it said last stays in force` });
    } else if (this.seen?.content === content && token !== undefined && token === this.seen.token) {
      answer({ kind: 'unchanged', token, warnings: [] });
    } else if (ageMs < 0 || ageMs >= QUIET_MS) {
      // A file from the future (a clock was set) cannot be waited for.
      this.process.start(READ_MS, () => answer(this.take(token, content)));
    } else if (waits > 0) {
      this.process.start(QUIET_MS - ageMs + 1, () => this.look(token, answer, waits - 1));
    } else {
      answer({ kind: 'failed', reason: `${VIP_FILE}: is being written to without a pause` });
    }
  }

  private take(token: string | undefined, content: Uint8Array): SourceReading {
    const read = parse(content);
    if (typeof read === 'string') return { kind: 'failed', reason: `${VIP_FILE}: ${read}` };
    if (!read.ok) {
      const faults = read.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
      return { kind: 'failed', reason: `${VIP_FILE}: ${faults.slice(0, 20).join('; ')}` };
    }
    const reading = this.last.take(token, read.vips, []);
    this.seen = { content, token: reading.token };
    return reading;
  }
}

function parse(content: Uint8Array): VipsDocumentResult | string {
  let read = parsed.get(content);
  if (read === undefined) {
    try {
      read = readVipsDocument(JSON.parse(new TextDecoder().decode(content)));
    } catch (error) {
      read = error instanceof Error ? error.message : String(error);
    }
    parsed.set(content, read);
  }
  return read;
}
