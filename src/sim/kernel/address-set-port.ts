import { temporarySetName, whyNoSetName } from '../../core/data-plane/set-names.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { AddressSet } from '../../ports/address-set.js';
import type { FirewallResult } from '../../ports/firewall.js';
import type { Process } from '../engine/process.js';
import type { IpSets, Refusal } from './ip-sets.js';
import type { Tools, Turns, Work } from './tools.js';

/** Room a set has at least. */
export const SMALLEST_ROOM = 65_536;

type Done = (result: FirewallResult<void>) => void;

/** What sets need of the kernel around them. */
export interface SetHost {
  /** A set of VIPs is another one now. */
  setChanged(name: string, by: string): void;
}

/** The `AddressSet` of one process: runs of `ipset restore`, each command of which takes effect by itself. */
export class ProcessAddressSet implements AddressSet {
  private readonly host: SetHost;
  private readonly sets: IpSets;
  private readonly tools: Tools;
  private readonly turns: Turns;
  private readonly process: Process;

  constructor(host: SetHost, sets: IpSets, tools: Tools, turns: Turns, process: Process) {
    this.host = host;
    this.sets = sets;
    this.tools = tools;
    this.turns = turns;
    this.process = process;
  }

  replace(name: string, vips: readonly Endpoint[], done: Done): void {
    const { sets } = this;
    const temporary = temporarySetName(name);
    this.change(name, done, () => [
      ...(sets.size(temporary) === undefined ? [] : [() => sets.destroy(temporary)]),
      ...(sets.size(name) === undefined
        ? [() => sets.create(name, 'destinations', SMALLEST_ROOM) ?? this.changed(name)]
        : []),
      () => sets.create(temporary, 'destinations', Math.max(SMALLEST_ROOM, 2 * vips.length)),
      () => sets.add(temporary, vips),
      () => sets.swap(temporary, name) ?? this.changed(name),
      () => sets.destroy(temporary),
    ]);
  }

  edit(name: string, added: readonly Endpoint[], removed: readonly Endpoint[], done: Done): void {
    const { sets } = this;
    this.change(name, done, () => {
      if (sets.size(name) === undefined) return { code: 'ENOENT', message: `there is no set ${name}` };
      if (added.length + removed.length === 0) return [];
      return [
        () => sets.delete(name, removed) ?? (removed.length > 0 ? this.changed(name) : undefined),
        () => sets.add(name, added) ?? (added.length > 0 ? this.changed(name) : undefined),
      ];
    });
  }

  size(name: string): number | undefined {
    return whyNoSetName(name) === undefined ? this.sets.size(name) : undefined;
  }

  destroy(name: string, done: Done): void {
    const { sets } = this;
    this.change(name, done, () =>
      [temporarySetName(name), name]
        .filter((set) => sets.size(set) !== undefined)
        .map((set) => () => sets.destroy(set) ?? (set === name ? this.changed(name) : undefined)),
    );
  }

  private changed(name: string): undefined {
    this.host.setChanged(name, 'daemon');
    return undefined;
  }

  /** `commands` is asked when the turn has come, so that it sees what the turns before it did. */
  private change(name: string, done: Done, commands: () => Work | Refusal): void {
    const reason = whyNoSetName(name);
    this.turns.answer<void>((end) => {
      const todo: Work | Refusal =
        reason === undefined ? commands() : { code: 'EINVAL', message: `the set name "${name}" ${reason}` };
      if ('code' in todo) this.process.start(0, () => end({ ok: false, ...todo }));
      else if (todo.length === 0) this.process.start(0, () => end({ ok: true, value: undefined }));
      else
        this.tools.run('ipset', this.process, todo, (failure) =>
          end(failure === undefined ? { ok: true, value: undefined } : { ok: false, ...failure }),
        );
    }, done);
  }
}
