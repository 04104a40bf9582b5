import { type Address, type Endpoint, endpoint, whyNoBackend } from '../endpoint.js';
import { asList, asNumber, asRecord, asText, type JsonRecord, quote } from '../json.js';
import { portAt, readPortRanges } from './port-ranges.js';
import { containerAddress, statusesNewestFirst } from './task-status.js';
import { isPortVipLabel, type Label, readLabels, readVipValue, taskVipIndex } from './vip-label.js';

/** Where an agent's tasks are reached, or why that is not known. */
export type AgentAddress =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly reason: string };

/**
 * What a task serves, as VIP and backend by turns. Empty unless the task runs and its newest status does
 * not call it unhealthy. A label that cannot be used is skipped and told to `warn`; the others still count.
 * `agent` is asked only for a task that names VIPs.
 */
export function taskVips(
  task: JsonRecord,
  agent: () => AgentAddress,
  warn: (reason: string) => void,
): readonly Endpoint[] {
  if (task.state !== 'TASK_RUNNING') return [];
  const claims = [...portClaims(task), ...taskClaims(task)];
  if (claims.length === 0) return [];
  const statuses = statusesNewestFirst(task);
  if (statuses[0]?.healthy === false) return [];
  const pairs: Endpoint[] = [];
  for (const claim of claims) {
    const read = readVipValue(claim.label.value);
    const port = claim.port();
    const address = claim.address(statuses, agent);
    const fault = !read.ok ? read : !port.ok ? port : !address.ok ? address : undefined;
    if (fault !== undefined) warn(`label ${quote(claim.label.key)}: ${fault.reason}`);
    else if (read.ok && port.ok && address.ok) pairs.push(read.vip, endpoint(address.address, port.port));
  }
  return pairs;
}

type Port = { readonly ok: true; readonly port: number } | { readonly ok: false; readonly reason: string };

/** A VIP label with the ways to find the backend it speaks of. */
interface Claim {
  readonly label: Label;
  port(): Port;
  address(statuses: readonly JsonRecord[], agent: () => AgentAddress): AgentAddress;
}

/** DiscoveryInfo: each port carries its own labels, number, protocol and scope. */
function portClaims(task: JsonRecord): readonly Claim[] {
  const discovered = asRecord(task.discovery)?.ports;
  const ports = Array.isArray(discovered) ? discovered : asList(asRecord(discovered)?.ports);
  return ports.flatMap((item) => {
    const port = asRecord(item);
    if (port === undefined) return [];
    const labels = readLabels(port.labels);
    return labels
      .filter((label) => isPortVipLabel(label.key))
      .map((label) => ({
        label,
        port: () => discoveredPort(port),
        address: (statuses: readonly JsonRecord[], agent: () => AgentAddress) =>
          scopedAddress(labels, statuses, agent),
      }));
  });
}

/** The older form: the label is the task's, and counts through the ports among its resources. */
function taskClaims(task: JsonRecord): readonly Claim[] {
  return readLabels(task.labels).flatMap((label) => {
    const index = taskVipIndex(label.key);
    if (index === undefined) return [];
    return [{ label, port: () => indexedPort(task, index), address: (_: unknown, agent) => usable(agent()) }];
  });
}

function discoveredPort(port: JsonRecord): Port {
  const protocol = port.protocol ?? 'tcp';
  const protocols = (asText(protocol) ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (!protocols.includes('tcp')) {
    return { ok: false, reason: `its port's protocol is ${quote(protocol)}; only tcp is balanced` };
  }
  return tcpPort(port.number, 'its discovery port');
}

function indexedPort(task: JsonRecord, indexText: string): Port {
  if (!/^\d{1,5}$/.test(indexText)) {
    return { ok: false, reason: `${quote(indexText)} is no index into the task's ports` };
  }
  const ranges = readPortRanges(task.resources);
  if (ranges === undefined) {
    return {
      ok: false,
      reason: `the task's ports are unreadable: ${quote(asRecord(task.resources)?.ports)}`,
    };
  }
  const port = portAt(ranges, Number(indexText));
  if (port === undefined) {
    return { ok: false, reason: `the task's resources hold no port with index ${indexText}` };
  }
  return tcpPort(port, `its port ${indexText}`);
}

function tcpPort(value: unknown, what: string): Port {
  const port = asNumber(value);
  if (port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65535) return { ok: true, port };
  return { ok: false, reason: `${what} is ${quote(value)}, not a number of 1 to 65535` };
}

function scopedAddress(
  labels: readonly Label[],
  statuses: readonly JsonRecord[],
  agent: () => AgentAddress,
): AgentAddress {
  const scope = labels.find((label) => label.key === 'network-scope')?.value ?? 'host';
  // A bridged container's own address (172.17.0.x) means nothing elsewhere: without a scope it is the host.
  if (scope === 'host') return usable(agent());
  if (scope !== 'container') {
    return { ok: false, reason: `network-scope ${quote(scope)} is neither "container" nor "host"` };
  }
  const network = asText(labels.find((label) => label.key === 'network-name')?.value);
  const address = containerAddress(statuses, network);
  if (address === undefined) {
    return {
      ok: false,
      reason: "network-scope is container, but no status tells the container's IPv4 address",
    };
  }
  return { ok: true, address };
}

function usable(agent: AgentAddress): AgentAddress {
  if (!agent.ok) return agent;
  const refused = whyNoBackend(agent.address);
  return refused === undefined ? agent : { ok: false, reason: `its agent's address ${refused}` };
}
