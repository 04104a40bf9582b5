import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { temporarySetName } from '../../src/core/data-plane/set-names.js';
import { endpoint, parseAddress } from '../../src/core/endpoint.js';
import { isOurs, parseSave, plannedRules, type StandingRule } from '../../src/native/iptables-rules.js';
import { nativeKernel } from '../../src/native/kernel.js';
import { runTool } from '../../src/native/tool.js';
import { type AddressSetSubject, addressSetCases } from '../conformance/address-set.js';
import type { Case } from '../conformance/case.js';
import { type FirewallSubject, firewallCases } from '../conformance/firewall.js';

/** To be called inside a namespace of the test bed: one case on the real kernel, with one flavour of iptables. */
export interface CaseCall {
  readonly title: string;
  readonly iptables: string;
}

export async function runFirewallCase(call: CaseCall): Promise<void> {
  await caseOf(firewallCases, call.title).run(realSubject(call.iptables));
}

export async function runAddressSetCase(call: CaseCall): Promise<void> {
  await caseOf(addressSetCases, call.title).run(realSubject(call.iptables));
}

function caseOf<S>(cases: readonly Case<S>[], title: string): Case<S> {
  const found = cases.find((one) => one.title === title);
  if (found === undefined) throw new Error(`there is no case "${title}"`);
  return found;
}

const must = promisify(execFile);

/** The adapters of the namespace this process is in, and the tools to look behind them with. */
function realSubject(iptables: string): FirewallSubject & AddressSetSubject {
  const { firewall, addressSet } = nativeKernel({ iptables });
  const saved = async (): Promise<readonly StandingRule[]> =>
    parseSave((await must(`${iptables}-save`, { maxBuffer: 1 << 26 })).stdout);
  const restoreSets = async (commands: readonly string[]): Promise<void> => {
    const run = await runTool('ipset', ['restore'], { input: `${commands.join('\n')}\n` });
    if (run.code !== 0) throw new Error(run.stderr);
  };
  return {
    firewall,
    addressSet,
    standing: async () =>
      (await saved()).filter(isOurs).map((rule) => {
        const planned = plannedRules({ ipset: 'any', firstQueue: 0, queues: 1 });
        const answers = rule.spec.includes('-j NFLOG');
        return planned.find(
          ({ table, chain, spec }) =>
            table === rule.table && chain === rule.chain && spec.includes('-j NFLOG') === answers,
        )!.name;
      }),
    foreign: async () => (await saved()).filter((rule) => !isOurs(rule)).length,
    flush: async (what) => {
      if (what === 'raw' || what === 'filter' || what === 'nat')
        await must(iptables, ['-w', '-t', what, '-F']);
      else await must('ipset', ['flush', what]);
    },
    duplicate: async () => {
      const once = (await must(`${iptables}-save`)).stdout;
      await runTool(`${iptables}-restore`, ['--noflush', '-w'], { input: once });
    },
    insertForeign: async () => {
      for (const chain of ['OUTPUT', 'FORWARD'])
        await must(iptables, ['-w', '-I', chain, '1', '-j', 'ACCEPT']);
    },
    destroySets: async () => {
      await must('ipset', ['destroy']);
    },
    members: async (name) => {
      const run = await runTool('ipset', ['save', name]);
      if (run.code !== 0) return undefined;
      const entries = run.stdout.matchAll(/^add \S+ ([\d.]+),tcp:(\d+)/gm);
      return [...entries].map(([, address, port]) => endpoint(parseAddress(address!)!, Number(port)));
    },
    leaveHalfReplaced: async (name, built) => {
      const temporary = temporarySetName(name);
      const entries = built.map((one) => `add ${temporary} 10.1.2.3,tcp:${one % 65_536}`);
      await restoreSets([`create ${temporary} hash:ip,port maxelem 77`, ...entries]);
    },
    destroy: async (name) => {
      await must('ipset', ['destroy', name]);
    },
    useInRule: async (name) => {
      await must(iptables, [
        '-w',
        '-A',
        'INPUT',
        '-m',
        'set',
        '--match-set',
        name,
        'dst,dst',
        '-j',
        'ACCEPT',
      ]);
    },
  };
}
