import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { addressOf, type Endpoint, parseEndpoint, whyNoBackend, whyNoVip } from '../core/endpoint.js';
import { quote } from '../core/json.js';
import type { Vips } from '../core/vips.js';

export type VipsFileResult =
  | { readonly ok: true; readonly vips: Vips }
  | { readonly ok: false; readonly faults: readonly string[] };

const vip = z.string().superRefine((text, context) => {
  const value = parseEndpoint(text);
  const fault = value === undefined ? 'is no ADDRESS:PORT such as 10.1.2.3:5000' : whyNoVip(addressOf(value));
  if (fault !== undefined) context.addIssue({ code: 'custom', message: `${quote(text)} ${fault}` });
});
const backend = z.string('is no text such as "10.99.0.2:8080"').superRefine((text, context) => {
  const value = parseEndpoint(text);
  const fault =
    value === undefined ? 'is no ADDRESS:PORT such as 10.99.0.2:8080' : whyNoBackend(addressOf(value));
  if (fault !== undefined) context.addIssue({ code: 'custom', message: `${quote(text)} ${fault}` });
});
const vipsFile = z.strictObject(
  {
    vips: z.record(
      vip,
      z.array(backend, 'is no list of backends').nullable(),
      'must map VIPs to backends; to have none, write {}',
    ),
  },
  'must be an object with the key "vips"',
);

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
  const checked = vipsFile.safeParse(json ?? yaml?.content());
  if (checked.success) return { ok: true, vips: toVips(checked.data.vips) };
  const lines = yaml ?? new YamlText(text);
  return { ok: false, faults: checked.error.issues.flatMap((issue) => faultsOf(issue, lines)) };
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

function toVips(listed: Readonly<Record<string, readonly string[] | null>>): Vips {
  const vips = new Map<Endpoint, ReadonlySet<Endpoint>>();
  for (const [key, backends] of Object.entries(listed)) {
    vips.set(parseEndpoint(key)!, new Set((backends ?? []).map((text) => parseEndpoint(text)!)));
  }
  return vips;
}

function faultsOf(issue: z.core.$ZodIssue, lines: YamlText): readonly string[] {
  const path = issue.path as readonly (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${lines.place([...path, key])}: unknown key; the only one is "vips"`);
  }
  if (issue.code === 'invalid_key')
    return [`${lines.place(path)}: ${issue.issues[0]?.message ?? issue.message}`];
  return [`${lines.place(path)}: ${issue.message}`];
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
