import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const MIN_KEY_BYTES = 16;
const GENERATED_KEY_BYTES = 32;

/** Keys in the order of the file: the first signs, all are accepted. */
export type KeyFile =
  | { readonly ok: true; readonly keys: readonly Buffer[] }
  | { readonly ok: false; readonly fault: string };

/** A fresh mesh key, as one line of a key file. */
export function generateKey(): string {
  return randomBytes(GENERATED_KEY_BYTES).toString('base64');
}

/** Reads a key file: one base64 key of at least 16 bytes a line; empty lines are allowed. */
export function readKeyFile(path: string): KeyFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    return {
      ok: false,
      fault: `${path} cannot be read (${code}); make one with "minuteman keygen > ${path}"`,
    };
  }
  const keys: Buffer[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '') continue;
    // Buffer.from skips what is not base64, so a mangled key would silently become a shorter one.
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(line)) {
      return {
        ok: false,
        fault: `${path} line ${index + 1} is not base64; each line is one key of "minuteman keygen"`,
      };
    }
    const key = Buffer.from(line, 'base64');
    if (key.length < MIN_KEY_BYTES) {
      return {
        ok: false,
        fault: `${path} line ${index + 1} is a key of ${key.length} bytes, at least ${MIN_KEY_BYTES} are needed; make one with "minuteman keygen"`,
      };
    }
    keys.push(key);
  }
  if (keys.length === 0)
    return { ok: false, fault: `${path} holds no key; make one with "minuteman keygen > ${path}"` };
  return { ok: true, keys };
}
