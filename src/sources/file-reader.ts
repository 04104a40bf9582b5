import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { LastVips } from '../core/last-vips.js';
import { type EncodedReading, encodeReading } from './encoded-reading.js';
import { type FileStamp, stampOf } from './file-stamp.js';
import { readVipsFile } from './vips-file.js';

export interface FileSpec {
  readonly type: 'file';
  readonly path: string;
  readonly maxBytes: number;
}

const MOST_FAULTS = 20;

/** Reads a VIP file. */
export class FileReader {
  readonly #spec: FileSpec;
  readonly #last = new LastVips(randomUUID());

  constructor(spec: FileSpec) {
    this.#spec = spec;
  }

  async read(token: string | undefined): Promise<{ reading: EncodedReading; stamp: FileStamp | undefined }> {
    let text: string;
    let stamp: FileStamp;
    try {
      const file = await open(this.#spec.path, 'r');
      try {
        const stat = await file.stat({ bigint: true });
        // Taken before the content: a change in between makes the stamp too old, and the file is read again.
        stamp = stampOf(stat);
        if (!stat.isFile()) return this.#failed('is no regular file', stamp);
        if (stat.size > this.#spec.maxBytes) {
          return this.#failed(
            `is too large (${stat.size} bytes; the limit is ${this.#spec.maxBytes})`,
            stamp,
          );
        }
        text = await file.readFile('utf8');
      } finally {
        await file.close();
      }
    } catch (error) {
      return this.#failed(whyUnreadable(error as NodeJS.ErrnoException), undefined);
    }
    const read = readVipsFile(text);
    if (!read.ok) {
      const shown = read.faults.slice(0, MOST_FAULTS);
      if (read.faults.length > MOST_FAULTS) shown.push(`and ${read.faults.length - MOST_FAULTS} more`);
      return this.#failed(shown.join('; '), stamp);
    }
    return { reading: encodeReading(this.#last.take(token, read.vips, [])), stamp };
  }

  #failed(
    what: string,
    stamp: FileStamp | undefined,
  ): { reading: EncodedReading; stamp: FileStamp | undefined } {
    return { reading: { kind: 'failed', reason: `${this.#spec.path}: ${what}` }, stamp };
  }
}

export function whyUnreadable(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'does not exist; what it said last stays in force';
  if (error.code === 'EACCES') return 'must not be read (EACCES); check its owner and mode';
  return `cannot be read (${error.code ?? error.message})`;
}
