import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFER_CHARACTERS = 262_144;

/**
 * A file that lines are added to. It is written while the run waits, so that a run that makes lines faster than
 * the disk takes them is slowed down and not kept in memory. Throws what the file system throws.
 */
export class LineFile {
  private readonly file: number;
  private waiting: string[] = [];
  private characters = 0;

  /** Replaces what is at `path`. */
  constructor(path: string) {
    this.file = openSync(path, 'w');
  }

  add(line: string): void {
    this.waiting.push(line, '\n');
    this.characters += line.length + 1;
    if (this.characters >= BUFFER_CHARACTERS) this.flush();
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private flush(): void {
    const bytes = Buffer.from(this.waiting.join(''));
    this.waiting = [];
    this.characters = 0;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at);
  }
}
