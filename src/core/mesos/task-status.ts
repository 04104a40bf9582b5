import { type Address, parseAddress, whyNoBackend } from '../endpoint.js';
import { asList, asNumber, asRecord, asText, type JsonRecord } from '../json.js';

/**
 * A task's statuses, newest first. Time stamps decide, not the order in the document; where they are equal
 * or missing the later one in the document is the newer.
 */
export function statusesNewestFirst(task: JsonRecord): readonly JsonRecord[] {
  const dated: { status: JsonRecord; timestamp: number; index: number }[] = [];
  let latest = Number.NEGATIVE_INFINITY;
  for (const [index, item] of asList(task.statuses).entries()) {
    const status = asRecord(item);
    if (status === undefined) continue;
    const timestamp = asNumber(status.timestamp) ?? latest;
    latest = Math.max(latest, timestamp);
    dated.push({ status, timestamp, index });
  }
  return dated.sort((a, b) => compare(b.timestamp, a.timestamp) || b.index - a.index).map((d) => d.status);
}

// Subtraction would make NaN of two infinities.
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The address of a task's container: the first usable IPv4 address that its newest status tells, or an
 * older one where the newest tells none. Of several networks the one called `network` comes first.
 */
export function containerAddress(
  statuses: readonly JsonRecord[],
  network: string | undefined,
): Address | undefined {
  for (const status of statuses) {
    const infos = asList(asRecord(status.container_status)?.network_infos);
    const named = infos.filter((info) => network !== undefined && asRecord(info)?.name === network);
    for (const info of [...named, ...infos]) {
      const address = addressOfNetwork(info);
      if (address !== undefined) return address;
    }
  }
  return undefined;
}

function addressOfNetwork(info: unknown): Address | undefined {
  const fields = asRecord(info);
  const candidates = asList(fields?.ip_addresses).map((item) => asRecord(item)?.ip_address);
  // Before Mesos 0.26 there was only this one.
  candidates.push(fields?.ip_address);
  for (const candidate of candidates) {
    const address = parseAddress(asText(candidate) ?? '');
    if (address !== undefined && whyNoBackend(address) === undefined) return address;
  }
  return undefined;
}
