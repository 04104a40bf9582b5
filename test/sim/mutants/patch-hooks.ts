import type { LoadHook } from 'node:module';

/** A change of one compiled file, as text. */
export interface Patch {
  /** Below build/js/src. */
  readonly file: string;
  /** Occurs exactly once in it. */
  readonly find: string;
  readonly replace: string;
}

let patches: readonly Patch[] = [];

/** Called by node with what `register` was given. */
export function initialize(given: readonly Patch[]): void {
  patches = given;
}

/** Hands out the patched text of a file instead of what it holds; files on disk stay as they are. */
export const load: LoadHook = async (url, context, next) => {
  const loaded = await next(url, context);
  const own = patches.filter(({ file }) => url.endsWith(`/src/${file}`));
  if (own.length === 0) return loaded;
  let text = String(
    typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array),
  );
  for (const { file, find, replace } of own) {
    const parts = text.split(find);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
    text = parts.join(replace);
  }
  return { ...loaded, source: text };
};
