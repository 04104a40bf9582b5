import type { HostName } from '../engine/journal.js';
import type { Fault, Plan, TimedFault } from '../plan/plan.js';

const MOST_HOSTS = 8;
const MOST_DIGITS = 5;

/** Parts of the world that faults without a host happen to. */
export type Elsewhere = 'network' | 'master' | 'backends';

/** A fault for people, on one line: `loss, from n1, probability 0.3`. */
export function describeFault(fault: Fault): string {
  const parts: string[] = [fault.kind];
  for (const [name, value] of Object.entries(fault)) {
    if (name === 'kind' || value === undefined || value === false) continue;
    if (name === 'host') parts[0] += ` ${value}`;
    else if (value === true) parts.push(wordsOf(name));
    else if (/(?<!Per)Ms$/.test(name)) parts.push(`${wordsOf(name.slice(0, -2))} ${valueText(value)} ms`);
    else parts.push(`${wordsOf(name)} ${valueText(value)}`);
  }
  return parts.join(', ');
}

/** The hosts a fault happens to, and the part of the world if it is to more than hosts. */
export function placesOf(fault: Fault): {
  readonly hosts: readonly HostName[];
  readonly elsewhere: Elsewhere | undefined;
} {
  switch (fault.kind) {
    case 'partition':
      return { hosts: fault.side, elsewhere: 'network' };
    case 'cut':
      return { hosts: [fault.a, fault.b], elsewhere: 'network' };
    case 'loss':
    case 'delay': {
      const hosts = [fault.from, fault.to].filter((host) => host !== undefined);
      return { hosts, elsewhere: 'network' };
    }
    case 'backend-refuses':
    case 'backend-silent':
    case 'backend-slow':
    case 'tasks':
      return { hosts: [], elsewhere: 'backends' };
    case 'master':
      return { hosts: [], elsewhere: 'master' };
    default:
      return { hosts: [fault.host], elsewhere: undefined };
  }
}

/** `at 12.3 s for 4 s: panic n7`. */
export function describeTimedFault({ atMs, durationMs, fault }: TimedFault): string {
  const lasting = durationMs > 0 ? ` for ${seconds(durationMs)} s` : '';
  return `at ${seconds(atMs)} s${lasting}: ${describeFault(fault)}`;
}

/** What a plan asks for, without its faults: `40 nodes, 20 VIPs, ...`. */
export function describePlan(plan: Plan): string {
  const { nodes, vips, backends, connectionsPerSecond, longConnections, mesh, durationMs, faults } = plan;
  return [
    mesh ? `${counted(nodes, 'node')} in a mesh` : counted(nodes, 'node'),
    counted(vips, 'VIP'),
    counted(backends, 'backend'),
    `${connectionsPerSecond} connections/s`,
    counted(longConnections, 'long connection'),
    `${seconds(durationMs)} s`,
    counted(faults.length, 'fault'),
  ].join(', ');
}

/** `1 node`, `2 nodes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Milliseconds as seconds, without zeros that say nothing. */
export function seconds(ms: number): string {
  return String(Math.round(ms) / 1000);
}

function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Names of hosts, not more than one can read. */
export function hostsText(hosts: readonly string[]): string {
  const left = hosts.length - MOST_HOSTS;
  return left > 0 ? `${hosts.slice(0, MOST_HOSTS).join(' ')} and ${left} more` : hosts.join(' ');
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return hostsText(value);
  if (typeof value === 'number' && !Number.isInteger(value))
    return String(Number(value.toPrecision(MOST_DIGITS)));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
