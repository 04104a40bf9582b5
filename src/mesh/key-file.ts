import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

const MIN_KEY_BYTES = 16;
const GENERATED_KEY_BYTES = 32;
/** A thousand keys; what is larger is another file. */
const MAX_FILE_BYTES = 65_536;
const READABLE_BY_ALL = 0o004;

/** Keys in the order of the file: the first signs, all are accepted. */
export type KeyFile =
  | {
      readonly ok: true;
      readonly keys: readonly Buffer[];
      /** What the operator should mend although the keys can be used. */
      readonly warning: string | undefined;
    }
  | { readonly ok: false; readonly fault: string };

/** A fresh mesh key, as one line of a key file. */
export function generateKey(): string {
  return randomBytes(GENERATED_KEY_BYTES).toString('base64');
}

/** Reads a key file: one base64 key of at least 16 bytes a line; empty lines are allowed. */
export function readKeyFile(path: string): KeyFile {
  let text: string;
  let mode: number;
  try {
    const file = openSync(path, 'r');
    try {
      const stat = fstatSync(file);
      if (!stat.isFile()) return { ok: false, fault: `${path} is no file; name the file of keys` };
      if (stat.size > MAX_FILE_BYTES) {
        return { ok: false, fault: `${path} has ${stat.size} bytes, which is no file of keys` };
      }
      mode = stat.mode;
      text = readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const remedy =
      code === 'ENOENT'
        ? `make one with "minuteman keygen > ${path}"`
        : 'let the user that runs the daemon read it';
    return { ok: false, fault: `${path} cannot be read (${code}); ${remedy}` };
  }
  const keys = parseKeys(path, text);
  if (typeof keys === 'string') return { ok: false, fault: keys };
  const warning =
    (mode & READABLE_BY_ALL) === 0
      ? undefined
      : `${path} can be read by every user of this host, who could join the mesh; "chmod o-r ${path}" ends that`;
  return { ok: true, keys, warning };
}

/** The keys, or what is wrong. Never shows any of the text: most of it may be a key. */
function parseKeys(path: string, text: string): readonly Buffer[] | string {
  const keys: Buffer[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '') continue;
    // Buffer.from skips what is not base64, so a mangled key would silently become a shorter one.
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(line)) {
      return `${path} line ${index + 1} is not base64; each line is one key of "minuteman keygen"`;
    }
    const key = Buffer.from(line, 'base64');
    if (key.length < MIN_KEY_BYTES) {
      return `${path} line ${index + 1} is a key of ${key.length} bytes, at least ${MIN_KEY_BYTES} are needed; make one with "minuteman keygen"`;
    }
    keys.push(key);
  }
  return keys.length === 0 ? `${path} holds no key; make one with "minuteman keygen > ${path}"` : keys;
}
