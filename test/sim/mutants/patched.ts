import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** A change of one compiled file, as text. */
export interface Patch {
  /** Below build/js/src. */
  readonly file: string;
  /** Occurs exactly once in it. */
  readonly find: string;
  readonly replace: string;
}

const SOURCES = fileURLToPath(new URL('../../../src/', import.meta.url));
/** For what modules of the older kind ask for at run time. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(import.meta.url)});`;

/**
 * A module and all that it imports in one text, with patched files; the files on disk stay as they are. One file is loaded
 * in a third of the time of two hundred, and there is one to load for each bug.
 */
export async function patched(module: string, patches: readonly Patch[]): Promise<string> {
  const unused = new Set(patches);
  const patching: Plugin = {
    name: 'patches',
    setup: ({ onLoad }) => {
      onLoad({ filter: /\/src\/.*\.js$/ }, ({ path }) => {
        const own = patches.filter(({ file }) => path === SOURCES + file);
        if (own.length === 0) return undefined;
        let text = readFileSync(path, 'utf8');
        for (const patch of own) {
          const parts = text.split(patch.find);
          if (parts.length !== 2) throw new Error(`${path} has ${parts.length - 1} times: ${patch.find}`);
          text = parts.join(patch.replace);
          unused.delete(patch);
        }
        return { contents: text };
      });
    },
  };
  const { outputFiles } = await build({
    entryPoints: [module],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
    banner: { js: REQUIRE },
    plugins: [patching],
  });
  // A patch that nobody loads proves nothing.
  for (const { file } of unused) throw new Error(`nothing loads ${file}`);
  return outputFiles[0]!.text;
}
