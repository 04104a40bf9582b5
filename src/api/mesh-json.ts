import { addressOf, type Endpoint, formatAddress, formatEndpoint } from '../core/endpoint.js';
import type { AdjacencyStatus, MemberStatus, MeshStatus } from '../core/status.js';

/** This node as its configuration names it. */
export interface SelfJson {
  readonly name: string;
  readonly address: string | undefined;
}

/** A member as it looks from outside. Field names are a contract that tools rely on. */
export interface MemberJson {
  readonly name: string;
  readonly address: string | null;
  readonly reachable: boolean;
  /** Links on the shortest way; null where there is none. */
  readonly distance: number | null;
  /** Whether it is a neighbour. */
  readonly active: boolean;
  /** Where its mesh listens: tells members of one name apart. Absent on a node that runs alone. */
  readonly endpoint?: string;
  /** Only of a member that said good-bye. */
  readonly left?: true;
}

export interface MembersJson {
  readonly self: string;
  readonly members: readonly MemberJson[];
  readonly note?: string;
}

/** The note keeps an operator from looking for the others. */
const ALONE = 'mesh is not configured';

/** All members, by address; this node is always among them. */
export function membersJson(self: SelfJson, mesh: MeshStatus | undefined): MembersJson {
  if (mesh === undefined) {
    const { name, address } = self;
    const alone = { name, address: address ?? null, reachable: true, distance: 0, active: false };
    return { self: name, members: [alone], note: ALONE };
  }
  const members = new Map<Endpoint, MemberJson>();
  const { endpoint, name } = mesh.self;
  for (const member of mesh.members()) members.set(member.endpoint, memberJson(member));
  members.set(endpoint, memberJson({ ...SELF, endpoint, name }));
  const sorted = [...members].sort(([a], [b]) => a - b).map(([, member]) => member);
  return { self: name, members: sorted };
}

const SELF = { reachable: true, distance: 0, active: false, left: false };

function memberJson({ endpoint, name, reachable, distance, active, left }: MemberStatus): MemberJson {
  return {
    name,
    address: formatAddress(addressOf(endpoint)),
    reachable,
    distance: distance ?? null,
    active,
    endpoint: formatEndpoint(endpoint),
    ...(left && { left }),
  };
}

/** Who says to have a link with whom, and what else a node says of itself. */
export interface MeshJson {
  readonly self: string;
  /** For each node the nodes that it lists as neighbours. */
  readonly adjacency: Readonly<Record<string, readonly string[]>>;
  readonly nodes?: Readonly<Record<string, MeshNodeJson>>;
  /** Of this node; the round trip is null until it was measured. */
  readonly neighbours?: readonly { readonly name: string; readonly rtt_ms: number | null }[];
  /** Whether a neighbour was found to know just what this node knows. */
  readonly synchronised?: boolean;
  readonly depth?: number;
  readonly note?: string;
}

export interface MeshNodeJson {
  readonly endpoint: string;
  readonly epoch: number;
  readonly counter: number;
  /** How many VIPs it advertises. */
  readonly vips: number;
}

export function meshJson(self: SelfJson, mesh: MeshStatus | undefined): MeshJson {
  if (mesh === undefined) return { self: self.name, adjacency: { [self.name]: [] }, note: ALONE };
  const table = [...mesh.adjacency()].sort((a, b) => a.endpoint - b.endpoint);
  const titles = titlesOf(table);
  const title = (endpoint: Endpoint): string => titles.get(endpoint) ?? formatEndpoint(endpoint);
  const adjacency: Record<string, readonly string[]> = {};
  const nodes: Record<string, MeshNodeJson> = {};
  for (const { endpoint, neighbours, epoch, counter, vips } of table) {
    adjacency[title(endpoint)] = neighbours.map(title);
    nodes[title(endpoint)] = { endpoint: formatEndpoint(endpoint), epoch, counter, vips };
  }
  return {
    self: title(mesh.self.endpoint),
    adjacency,
    nodes,
    neighbours: [...mesh.neighbours()].map(({ endpoint, roundTripMs }) => ({
      name: title(endpoint),
      rtt_ms: roundTripMs === undefined ? null : Math.round(roundTripMs * 1000) / 1000,
    })),
    synchronised: mesh.synchronised,
    depth: mesh.treeDepth,
  };
}

/** A node's name; with its endpoint, where several nodes go by one name. */
function titlesOf(table: readonly AdjacencyStatus[]): ReadonlyMap<Endpoint, string> {
  const bearers = new Map<string, number>();
  for (const { name } of table) bearers.set(name, (bearers.get(name) ?? 0) + 1);
  return new Map(
    table.map(({ endpoint, name }) => [
      endpoint,
      bearers.get(name) === 1 ? name : `${name}@${formatEndpoint(endpoint)}`,
    ]),
  );
}
