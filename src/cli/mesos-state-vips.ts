import { readFile } from 'node:fs/promises';
import { formatEndpoint } from '../core/endpoint.js';
import { collectVips, readMesosState } from '../core/mesos/state.js';
import type { Vips } from '../core/vips.js';

export interface VipLine {
  readonly protocol: 'tcp';
  readonly vip: string;
  readonly backends: readonly string[];
}

/** What tools compare: VIPs and backends as text, both in plain string order. */
function vipLines(vips: Vips): readonly VipLine[] {
  return [...vips]
    .map(([vip, backends]) => ({
      protocol: 'tcp' as const,
      vip: formatEndpoint(vip),
      backends: [...backends].map(formatEndpoint).sort(),
    }))
    .sort((a, b) => (a.vip < b.vip ? -1 : 1));
}

/**
 * `minuteman vips --mesos-state FILE`: prints what a master's or agent's state document yields; warnings
 * go to stderr. The answer is the exit code: 0, or 2 when the file is no Mesos state.
 */
export async function mesosStateVips(path: string, options: { readonly json: boolean }): Promise<number> {
  let document: unknown;
  try {
    document = JSON.parse(stripMark(await readFile(path, 'utf8')));
  } catch (error) {
    const what = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    return refuse(path, `${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const read = readMesosState(document);
  if (!read.ok) return refuse(path, read.reason);
  for (const { item, reason } of read.state.warnings) process.stderr.write(`warning: ${item}: ${reason}\n`);
  const lines = vipLines(collectVips(read.state.served.values()));
  process.stdout.write(options.json ? `${JSON.stringify(lines)}\n` : table(lines));
  return 0;
}

function stripMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function refuse(path: string, reason: string): number {
  process.stderr.write(`minuteman: ${path}: ${reason}\n`);
  return 2;
}

function table(lines: readonly VipLine[]): string {
  if (lines.length === 0) return 'no VIPs\n';
  const width = Math.max(...lines.map((line) => line.vip.length), 3);
  const rows = lines.map((line) => `${line.vip.padEnd(width)}  ${line.backends.join(' ')}`);
  return `${[`${'VIP'.padEnd(width)}  BACKENDS`, ...rows].join('\n')}\n`;
}
