import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { quote } from '../core/json.js';
import type { Vips } from '../core/vips.js';
import { readVipsDocument } from '../core/vips-document.js';

export type VipsFileResult =
  | { readonly ok: true; readonly vips: Vips }
  | { readonly ok: false; readonly faults: readonly string[] };

/**
 * Reads the text of a VIP file, JSON or YAML: `vips: { "10.1.2.3:5000": ["10.99.0.2:8080"] }`. A VIP with
 * an empty list (or null) exists without backends. All faults are told at once, with path and line. What
 * an editor leaves when it dies half-way, such as nothing at all, is a fault, not a file without VIPs.
 */
export function readVipsFile(text: string): VipsFileResult {
  if (text.trim() === '')
    return { ok: false, faults: ['the file is empty; to have no VIPs, write "vips: {}"'] };
  const json = parseJson(text);
  const yaml = json === undefined ? new YamlText(text) : undefined;
  if (yaml !== undefined && yaml.faults.length > 0) return { ok: false, faults: yaml.faults };
  const read = readVipsDocument(json ?? yaml?.content());
  if (read.ok) return read;
  const lines = yaml ?? new YamlText(text);
  return { ok: false, faults: read.faults.map(({ path, message }) => `${lines.place(path)}: ${message}`) };
}

/** JSON is a hundred times faster to parse than the YAML it also is. */
function parseJson(text: string): unknown {
  if (!/^\uFEFF?\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch {
    // Perhaps YAML in flow style; if not, its parser names the line.
    return undefined;
  }
}

/** The text as YAML, for its content and for the lines its parts stand on. */
class YamlText {
  readonly faults: readonly string[];
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string) {
    // The library's own check for repeated keys compares each with each.
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      uniqueKeys: false,
      prettyErrors: false,
    });
    const syntax = this.#document.errors.map(({ message, pos }) => `line ${this.#line(pos[0])}: ${message}`);
    this.faults = syntax.length > 0 ? syntax : this.#repeatedKeys();
  }

  content(): unknown {
    return this.#document.toJS();
  }

  /** A path as a person would write it, with its line if that can be told. */
  place(path: readonly (string | number)[]): string {
    const text = path
      .map((key, n) => (typeof key === 'number' ? `[${key}]` : segment(key, n === 0)))
      .join('');
    const line = this.#lineOf(path);
    const name = text === '' ? 'the file' : text;
    return line === undefined ? name : `${name} (line ${line})`;
  }

  #repeatedKeys(): readonly string[] {
    const faults: string[] = [];
    const root = this.#document.contents;
    if (!isMap(root)) return faults;
    const inner = root.get('vips', true);
    for (const map of isMap(inner) ? [root, inner] : [root]) {
      const seen = new Set<string>();
      for (const { key } of (map as YAMLMap).items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name))
          faults.push(`line ${this.#line(key.range?.[0] ?? 0)}: key ${quote(name)} is there twice`);
        seen.add(name);
      }
    }
    return faults;
  }

  #lineOf(path: readonly (string | number)[]): number | undefined {
    if (path.length === 0) return undefined;
    const last = path[path.length - 1];
    const parent =
      path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === last);
      if (pair !== undefined && isScalar(pair.key)) return this.#line(pair.key.range?.[0] ?? 0);
    }
    const node = this.#document.getIn(path, true) as { range?: readonly number[] } | undefined;
    return node?.range === undefined ? undefined : this.#line(node.range[0] ?? 0);
  }

  #line(offset: number): number {
    return this.#lines.linePos(offset).line;
  }
}

function segment(key: string, first: boolean): string {
  if (/^[A-Za-z_]\w*$/.test(key)) return first ? key : `.${key}`;
  return first ? quote(key) : `.${quote(key)}`;
}
