import {
  type Address,
  addressOf,
  type Endpoint,
  formatAddress,
  formatEndpoint,
  parseEndpoint,
} from '../../core/endpoint.js';
import type { Happening } from '../engine/journal.js';
import { SYN_SENT } from '../kernel/tcp-states.js';
import { Lasting, type Member } from './mesh-eyes.js';
import { meshInvariant } from './mesh-invariant.js';

const TOLD_WITHIN_MS = 1_000;
const TURNS: readonly string[] = ['node-reachable', 'node-unreachable'];

export const balancersTold = meshInvariant(
  'balancers-told',
  'balancers take for unreachable exactly the machines that no path leads to',
  (mesh, verdicts) => {
    const lasting = new Lasting();
    /** When a daemon said last of a member that it is gone, or back: of whom lies are told that is true for a moment only. */
    const saidMs = new Map<string, number>();
    mesh.onSample(() => {
      const { nowMs, eyes } = mesh;
      for (const member of mesh.observers()) {
        const { name, host } = member;
        const wrong = wrongAddresses(member);
        for (const { at } of eyes.hosts.values()) {
          const { address } = at.host;
          const forMs = lasting.note(`${name} ${host.startedMs} ${address}`, wrong.has(address), nowMs);
          const sinceMs = Math.max(nowMs - forMs, saidMs.get(`${name} ${address}`) ?? 0);
          if (nowMs - sinceMs <= TOLD_WITHIN_MS || !eyes.ranWell(host, sinceMs)) continue;
          verdicts.broken(wrong.get(address)!, name);
        }
      }
      const one = mesh.next();
      if (one === undefined || !eyes.ranWell(one.host, nowMs - TOLD_WITHIN_MS)) return;
      const { status, directory } = one.host.daemon!.node;
      for (const vip of status.vips()) {
        for (const { backend, reachable } of vip.backends()) {
          if (reachable !== directory.unreachable.has(addressOf(backend))) continue;
          const wrong = reachable ? 'reachable' : 'unreachable';
          verdicts.broken(
            `${formatEndpoint(vip.vip)} takes ${formatEndpoint(backend)} for ${wrong}`,
            one.name,
          );
          return;
        }
      }
    });
    return {
      hears: ['log'],
      happened: (news, atMs) => {
        if (news.kind !== 'log' || !TURNS.includes(news.event)) return;
        const at = parseEndpoint(String(news.fields?.['endpoint']));
        if (at !== undefined) saidMs.set(`${news.host} ${addressOf(at)}`, atMs);
      },
    };
  },
);

/** What is wrong with the addresses that a daemon's balancers are told to avoid. */
function wrongAddresses({ cluster, host }: Member): ReadonlyMap<Address, string> {
  const told: ReadonlySet<Address> = host.daemon!.node.directory.unreachable;
  const lost = new Set<Address>();
  const { table, reachability } = cluster;
  for (const [origin, { adjacency }] of table.entries())
    if (adjacency?.record.left !== true && !reachability.has(origin)) lost.add(addressOf(origin));
  for (const origin of reachability.reached()) lost.delete(addressOf(origin));
  const wrong = new Map<Address, string>();
  for (const address of lost)
    if (!told.has(address))
      wrong.set(address, `balancers are not told that ${formatAddress(address)} cannot be reached`);
  for (const address of told)
    if (!lost.has(address))
      wrong.set(address, `balancers avoid ${formatAddress(address)}, which can be reached`);
  return wrong;
}

function flowOf({ client, vip }: { readonly client: number; readonly vip: number }): string {
  return `${client} ${vip}`;
}

/** The kernel is asked once for all who die within a moment. */
const DROPPED_WITHIN_MS = 250;

export const deadHandshakesDropped = meshInvariant(
  'dead-handshakes-dropped',
  'when a machine becomes unreachable, half-open connections towards it are deleted',
  ({ eyes }, verdicts) => {
    /** When who was found again last: from then on there may be new connections to it. */
    const foundMs = new Map<string, number>();
    /** What has to go, of each machine that is gone. Where all are gone, a SYN that follows at once may be placed there anew. */
    const due = new Set<{ readonly host: string; readonly flows: Set<string> }>();
    const happened = (news: Happening, atMs: number): void => {
      if (news.kind === 'unmapped') {
        for (const { host, flows } of due) if (host === news.host) flows.delete(flowOf(news));
      }
      if (news.kind !== 'log') return;
      const host = eyes.host(news.host);
      const where = `${news.host} ${news.fields?.['endpoint']}`;
      if (news.event === 'node-reachable') foundMs.set(where, atMs);
      if (news.event !== 'node-unreachable' || news.level !== 'warn') return;
      const gone = addressOf(parseEndpoint(String(news.fields?.['endpoint']))!);
      const life = host.daemon;
      const halfOpen = (): string[] =>
        host.kernel
          .entries()
          .filter(({ ours, state, backend }) => ours && state === SYN_SENT && addressOf(backend) === gone)
          .map(flowOf);
      const before = { host: news.host, flows: new Set(halfOpen()) };
      due.add(before);
      eyes.at(atMs + DROPPED_WITHIN_MS, () => {
        due.delete(before);
        if (host.daemon !== life || !eyes.ranWell(host, atMs)) return;
        if (
          eyes.disturbances.between(
            atMs,
            eyes.nowMs,
            ['kernel-error/conntrack-lookup', 'conntrack-full'],
            news.host,
          )
        )
          return;
        if (host.daemon?.node.directory.unreachable.has(gone) !== true) return;
        if ((foundMs.get(where) ?? 0) >= atMs) return;
        const left = halfOpen().filter((flow) => before.flows.has(flow));
        if (left.length > 0)
          verdicts.broken(`${left.length} half-open connections to ${formatAddress(gone)} stay`, news.host);
      });
    };
    return { hears: ['unmapped', 'log'], happened };
  },
);

const AVOIDED_AFTER_MS = 500;
/** Of more backends only some are looked at. */
const ALL_LOOKED_AT = 10;

export const deadAvoided = meshInvariant(
  'dead-avoided',
  'no new connection goes to a machine that no path leads to while another backend is there',
  ({ eyes }, verdicts) => {
    const lost = new Map<string, number>();
    /** Where a SYN was placed before: a retry goes elsewhere, if there is no better place to a dead one. */
    let moved: { readonly client: number; readonly backend: number; readonly atMs: number } | undefined;
    const key = (host: string, address: Address): string => `${host} ${address}`;
    return {
      hears: ['log', 'daemon', 'unmapped', 'mapped'],
      happened: (news, atMs) => {
        if (news.kind === 'log' && (news.event === 'node-unreachable' || news.event === 'node-reachable')) {
          const at = key(news.host, addressOf(parseEndpoint(String(news.fields?.['endpoint']))!));
          if (news.event === 'node-unreachable' && news.level === 'warn') lost.set(at, atMs);
          else lost.delete(at);
        }
        if (news.kind === 'daemon' && news.state === 'started')
          for (const at of lost.keys()) if (at.startsWith(`${news.host} `)) lost.delete(at);
        if (news.kind === 'unmapped') moved = { client: news.client, backend: news.backend, atMs };
        if (news.kind !== 'mapped' || news.outcome !== 'made') return;
        const left = moved?.atMs === atMs && moved.client === news.client ? moved.backend : undefined;
        const sinceMs = lost.get(key(news.host, addressOf(news.backend as Endpoint)));
        if (sinceMs === undefined || atMs - sinceMs < AVOIDED_AFTER_MS) return;
        const { status, directory } = eyes.host(news.host).daemon!.node;
        if (!directory.unreachable.has(addressOf(news.backend as Endpoint))) return;
        const backends = [...(status.vip(news.vip as Endpoint)?.backends() ?? [])];
        if (
          backends.length > ALL_LOOKED_AT ||
          !backends.some((one) => one.reachable && one.available && one.backend !== left)
        )
          return;
        const chosen = formatEndpoint(news.backend as Endpoint);
        verdicts.broken(
          `placed at ${chosen}, whose machine has been gone for ${atMs - sinceMs} ms`,
          news.host,
        );
      },
    };
  },
);
