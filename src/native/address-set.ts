import { temporarySetName, whyNoSetName } from '../core/data-plane/set-names.js';
import { addressOf, type Endpoint, formatAddress, portOf } from '../core/endpoint.js';
import type { AddressSet } from '../ports/address-set.js';
import type { FirewallResult } from '../ports/firewall.js';
import { ipsetSize } from './addon.js';
import { restoreSets } from './ipset.js';
import { failed } from './tool-failure.js';
import type { Turns } from './turns.js';

type Done = (result: FirewallResult<void>) => void;

/** Room a set has at least: entries that are edited in later need no new set for long. */
export const SMALLEST_ROOM = 65_536;

/**
 * The `AddressSet` of the real kernel: changes by one run of `ipset restore` each, readings by netlink. It
 * shares its turns with the firewall, which makes sets too.
 */
export class IpsetAddressSet implements AddressSet {
  #ipset: string;
  #turns: Turns;

  constructor(ipset: string, turns: Turns) {
    this.#ipset = ipset;
    this.#turns = turns;
  }

  replace(name: string, vips: readonly Endpoint[], done: Done): void {
    this.#change(name, done, () => {
      const temporary = temporarySetName(name);
      const commands: string[] = [];
      if (ipsetSize(temporary) !== undefined) commands.push(`destroy ${temporary}`);
      if (ipsetSize(name) === undefined) commands.push(createSet(name, SMALLEST_ROOM));
      commands.push(createSet(temporary, Math.max(SMALLEST_ROOM, 2 * vips.length), vips.length));
      for (const vip of vips) commands.push(`add ${temporary} ${member(vip)} -exist`);
      commands.push(`swap ${temporary} ${name}`, `destroy ${temporary}`);
      return commands;
    });
  }

  edit(name: string, added: readonly Endpoint[], removed: readonly Endpoint[], done: Done): void {
    this.#change(name, done, () => {
      if (ipsetSize(name) === undefined) return failed('ENOENT', `there is no set ${name}`);
      return [
        ...removed.map((vip) => `del ${name} ${member(vip)} -exist`),
        ...added.map((vip) => `add ${name} ${member(vip)} -exist`),
      ];
    });
  }

  size(name: string): number | undefined {
    return whyNoSetName(name) === undefined ? ipsetSize(name) : undefined;
  }

  destroy(name: string, done: Done): void {
    this.#change(name, done, () =>
      [temporarySetName(name), name]
        .filter((set) => ipsetSize(set) !== undefined)
        .map((set) => `destroy ${set}`),
    );
  }

  /** `commands` is asked when the turn has come, so that it sees what the turns before it did. */
  #change(name: string, done: Done, commands: () => readonly string[] | FirewallResult<void>): void {
    const reason = whyNoSetName(name);
    const job = async (): Promise<FirewallResult<void>> => {
      if (reason !== undefined) return failed('EINVAL', `the set name "${name}" ${reason}`);
      const todo = commands();
      if ('ok' in todo) return todo;
      return todo.length === 0 ? { ok: true, value: undefined } : restoreSets(this.#ipset, todo);
    };
    this.#turns.answer(job, done);
  }
}

/** The command that makes a set of VIPs; `entries` saves the kernel growing the hash while it is filled. */
export function createSet(name: string, room: number, entries = 0): string {
  let hashSize = 1024;
  while (hashSize * 4 < entries) hashSize *= 2;
  return `create ${name} hash:ip,port family inet hashsize ${hashSize} maxelem ${room}`;
}

function member(vip: Endpoint): string {
  return `${formatAddress(addressOf(vip))},tcp:${portOf(vip)}`;
}
