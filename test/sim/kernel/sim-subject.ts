import { temporarySetName } from '../../../src/core/data-plane/set-names.js';
import type { Endpoint } from '../../../src/core/endpoint.js';
import type { AddressSet } from '../../../src/ports/address-set.js';
import type { Firewall } from '../../../src/ports/firewall.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { Journal } from '../../../src/sim/engine/journal.js';
import { Process } from '../../../src/sim/engine/process.js';
import { HostKernel } from '../../../src/sim/kernel/host-kernel.js';
import type { Rule } from '../../../src/sim/kernel/rules.js';
import type { AddressSetSubject } from '../../conformance/address-set.js';
import type { FirewallSubject } from '../../conformance/firewall.js';

/** Virtual time that passes after each request: enough for whatever tools it runs. */
const AFTER_MS = 1_000;

/** A bare simulated host, for the suites of rules and sets. Time passes when something was asked for. */
export function simSubject(): FirewallSubject & AddressSetSubject {
  const engine = new Engine(7);
  const host = new Host(engine, 0);
  const kernel = new HostKernel({ engine, host, journal: new Journal(engine), transmit: () => {} });
  const { firewall, addressSet } = kernel.ports(new Process(engine, host.lane, host.clock));
  const go = (): void => void setImmediate(() => engine.run(engine.nowMs + AFTER_MS));
  const must = (failure: unknown): void => {
    if (failure !== undefined) throw new Error(JSON.stringify(failure));
  };
  const ours = (rule: Rule): boolean => rule.name !== undefined;
  return {
    firewall: movingFirewall(firewall, go),
    addressSet: movingSet(addressSet, go),
    standing: async () =>
      kernel
        .standingRules()
        .filter(ours)
        .map((rule) => rule.name!),
    foreign: async () => kernel.standingRules().filter((rule) => !ours(rule)).length,
    flush: async (what: string) => {
      if (what === 'raw' || what === 'mangle' || what === 'filter' || what === 'nat')
        kernel.faults.flushRules(what);
      else kernel.sets.find(what)!.members.clear();
    },
    duplicate: async () => kernel.rules.become([...kernel.standingRules(), ...kernel.standingRules()]),
    insertForeign: async () => {
      for (const chain of ['OUTPUT', 'FORWARD'] as const) kernel.rules.change(accepting(chain, undefined));
    },
    destroySets: async () => {
      for (const name of kernel.sets.names()) must(kernel.sets.destroy(name));
    },
    members: async (name) => {
      const members = kernel.setMembers(name);
      return members === undefined ? undefined : [...members];
    },
    leaveHalfReplaced: async (name: string, built: readonly Endpoint[]) => {
      must(kernel.sets.create(temporarySetName(name), 'destinations', 77));
      must(kernel.sets.add(temporarySetName(name), built));
    },
    destroy: async (name) => must(kernel.sets.destroy(name)),
    useInRule: async (name) => must(kernel.rules.change(accepting('INPUT', name))),
  };
}

function accepting(chain: 'INPUT' | 'OUTPUT' | 'FORWARD', set: string | undefined) {
  const rule: Rule = { table: 'filter', chain, action: { kind: 'accept', set }, name: undefined };
  return { table: 'filter', deleted: [], inserted: [rule] } as const;
}

function movingFirewall(firewall: Firewall, go: () => void): Firewall {
  return {
    fingerprint: () => firewall.fingerprint(),
    heartbeat: (plan) => firewall.heartbeat(plan),
    ensure: (plan, done) => {
      firewall.ensure(plan, done);
      go();
    },
    remove: (plan, keepHooks, done) => {
      firewall.remove(plan, keepHooks, done);
      go();
    },
  };
}

function movingSet(set: AddressSet, go: () => void): AddressSet {
  return {
    size: (name) => set.size(name),
    replace: (name, vips, done) => {
      set.replace(name, vips, done);
      go();
    },
    edit: (name, added, removed, done) => {
      set.edit(name, added, removed, done);
      go();
    },
    destroy: (name, done) => {
      set.destroy(name, done);
      go();
    },
  };
}
