import { addressOf, type Endpoint, parseEndpoint, whyNoVip } from '../endpoint.js';
import { asList, asRecord, asText, quote } from '../json.js';

export interface Label {
  readonly key: string;
  readonly value: unknown;
}

/** The labels of a task or port: a list of `{key, value}`, which some places wrap as `{"labels": [...]}`. */
export function readLabels(value: unknown): readonly Label[] {
  const labels: Label[] = [];
  for (const item of asList(Array.isArray(value) ? value : asRecord(value)?.labels)) {
    const fields = asRecord(item);
    const key = asText(fields?.key);
    if (key !== undefined) labels.push({ key, value: fields?.value });
  }
  return labels;
}

/** Whether a label of a DiscoveryInfo port names a VIP: `VIP_0`, `VIP0`, `vip`, … */
export function isPortVipLabel(key: string): boolean {
  return key.startsWith('VIP') || key.startsWith('vip');
}

/** The older label on the task itself, `vip_PORT0`: the part behind `vip_PORT`, or undefined. */
export function taskVipIndex(key: string): string | undefined {
  return /^vip_port(.*)$/i.exec(key)?.[1];
}

export type VipValue =
  | { readonly ok: true; readonly vip: Endpoint }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads a VIP label's value, `10.1.2.3:5000` or `tcp://10.1.2.3:5000`. Named VIPs (`/web:80`) and other
 * protocols are refused with a reason: this balancer knows addresses and TCP.
 */
export function readVipValue(value: unknown): VipValue {
  const text = asText(value)?.trim();
  if (text === undefined) return refuse(value, 'is no text such as 10.1.2.3:5000');
  const [, scheme, rest] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== 'tcp') {
    return refuse(value, `is for ${scheme.toLowerCase()}; only tcp is balanced`);
  }
  const vip = parseEndpoint(rest ?? '');
  if (vip === undefined) return refuse(value, whyUnreadable(rest ?? ''));
  const refused = whyNoVip(addressOf(vip));
  return refused === undefined ? { ok: true, vip } : refuse(value, refused);
}

function refuse(value: unknown, why: string): VipValue {
  return { ok: false, reason: `${quote(value)} ${why}` };
}

function whyUnreadable(text: string): string {
  if (/^\/|^[a-z][^\s:]*:\d+$/i.test(text)) {
    return 'is a named VIP, which is not supported: give an address such as 10.1.2.3:5000';
  }
  if (text.startsWith('[') || /:.*:/.test(text)) return 'is not IPv4: give an address such as 10.1.2.3:5000';
  return 'is no IPv4 ADDRESS:PORT with a port of 1 to 65535';
}
