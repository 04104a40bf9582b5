import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { formatEndpoint, parseEndpoint } from '../core/endpoint.js';
import type { Log } from '../ports/log.js';
import type { MemberStore, SavedMember, SavedMembers } from '../ports/mesh.js';
import { isPeerName } from './hello.js';

/** A hundred thousand members; what is larger is another file. */
const MAX_FILE_BYTES = 16_777_216;

const document = z.object({
  version: z.literal(1),
  epoch: z.number().int().min(0),
  members: z.array(z.object({ endpoint: z.string(), name: z.string().refine(isPeerName) })),
});

/**
 * The members in a JSON file. It is written beside its place, forced to the disk and moved there, so that there is always
 * one whole file; one write at a time, and of what is saved meanwhile only the last.
 */
export class MemberFile implements MemberStore {
  readonly #path: string;
  readonly #log: Log;
  #next: SavedMembers | undefined;
  #writing: Promise<void> | undefined;
  #told = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  load(): SavedMembers | undefined {
    let text: string;
    try {
      text = readBounded(this.#path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const missing = code === 'ENOENT';
      this.#log.event(
        missing ? 'info' : 'warn',
        missing ? 'members-none' : 'members-unreadable',
        missing
          ? `${this.#path} does not exist yet; members are learnt from the contacts`
          : `${this.#path} cannot be read (${code ?? message}); members are learnt from the contacts`,
        { path: this.#path },
      );
      return undefined;
    }
    const saved = parse(text);
    if (saved === undefined) {
      this.#log.event(
        'warn',
        'members-unreadable',
        `${this.#path} holds no list of members and will be replaced; members are learnt from the contacts`,
        { path: this.#path },
      );
    }
    return saved;
  }

  save(members: SavedMembers): void {
    this.#next = members;
    this.#writing ??= this.#write();
  }

  /** Settles when everything saved so far is on the disk, or could not be. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const members = this.#next;
      this.#next = undefined;
      try {
        await this.#replace(format(members));
        this.#told = false;
      } catch (error) {
        this.#tell(error as NodeJS.ErrnoException);
      }
    }
    this.#writing = undefined;
  }

  async #replace(text: string): Promise<void> {
    const directory = dirname(this.#path);
    const aside = `${this.#path}.new`;
    await mkdir(directory, { recursive: true });
    await writeThrough(aside, text);
    await rename(aside, this.#path);
    // The new name is on the disk only when its directory is.
    const entry = await open(directory, 'r');
    try {
      await entry.sync();
    } finally {
      await entry.close();
    }
  }

  #tell(error: NodeJS.ErrnoException): void {
    if (this.#told) return;
    this.#told = true;
    this.#log.event(
      'warn',
      'members-not-saved',
      `${this.#path} cannot be written (${error.code ?? error.message}); after a restart this node knows its contacts only. Is mesh.stateFile on a disk that it may write?`,
      { path: this.#path },
    );
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function readBounded(path: string): string {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > MAX_FILE_BYTES) throw new Error(`has ${size} bytes`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function format({ epoch, members }: SavedMembers): string {
  const lines = members.map(({ endpoint, name }) => ({ endpoint: formatEndpoint(endpoint), name }));
  return `${JSON.stringify({ version: 1, epoch, members: lines })}\n`;
}

function parse(text: string): SavedMembers | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = document.safeParse(json);
  if (!result.success) return undefined;
  const members: SavedMember[] = [];
  for (const { endpoint: written, name } of result.data.members) {
    const endpoint = parseEndpoint(written);
    if (endpoint === undefined) return undefined;
    members.push({ endpoint, name });
  }
  return { epoch: result.data.epoch, members };
}
