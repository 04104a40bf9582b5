import { parseEndpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import type { Member } from './mesh-eyes.js';
import { meshInvariant } from './mesh-invariant.js';

/** After a start or a fault views fill up, and tables are compared. */
const QUIET_AFTER_MS = 12_000;
const WINDOW_MS = 5_000;
/** Of all members on average. */
const PINGS_MOST = 7;
const OCTETS_MOST = 2_000;

interface Reading {
  readonly atMs: number;
  readonly life: unknown;
  readonly pings: number;
  readonly octets: number;
}

function reading({ host, mesh, name }: Member, atMs: number): Reading & { readonly name: HostName } {
  const { daemon } = host;
  const pings = daemon!.node.status.mesh()!.counters.pings;
  return { atMs, life: daemon, pings, octets: mesh.traffic().sentBytes, name };
}

export const quietCost = meshInvariant(
  'quiet-cost',
  'in quiet times a member sends 7 pings and 2 kB a second at most, on average',
  (mesh, verdicts) => {
    let from: readonly (Reading & { readonly name: HostName })[] = [];
    mesh.onSample(() => {
      const { nowMs } = mesh;
      if (mesh.honestMs < QUIET_AFTER_MS || mesh.divided) {
        from = [];
        return;
      }
      const began = from[0]?.atMs;
      if (began !== undefined && nowMs - began < WINDOW_MS) return;
      const now = mesh.members().map((member) => reading(member, nowMs));
      const before = new Map(from.map((one) => [one.life, one]));
      from = now;
      if (before.size === 0 || before.size !== now.length) return;
      let pings = 0;
      let octets = 0;
      for (const one of now) {
        const then = before.get(one.life);
        if (then === undefined) return;
        pings += one.pings - then.pings;
        octets += one.octets - then.octets;
      }
      const share = now.length * ((nowMs - began!) / 1000);
      verdicts.sometimes('the quiet cost was measured');
      if (pings / share > PINGS_MOST) verdicts.broken(`${(pings / share).toFixed(2)} pings/s each`);
      if (octets / share > OCTETS_MOST) verdicts.broken(`${Math.round(octets / share)} octets/s each`);
    });
    return {};
  },
);

/** Whatever happens, each second: most of it when tables are learnt anew by everybody. */
const STORM_OCTETS_MOST = 200_000;
const STORM_FRAMES_MOST = 2_500;

export const noMeltDown = meshInvariant(
  'no-melt-down',
  'however many members end at once, nobody sends more than 2500 messages or 200 kB in a second',
  (mesh, verdicts) => {
    const last = new Map<
      unknown,
      { readonly octets: number; readonly frames: number; readonly atMs: number }
    >();
    let samples = 0;
    mesh.onSample(() => {
      samples += 1;
      if (samples % 2 !== 0) return;
      const { nowMs } = mesh;
      for (const { name, host, mesh: links } of mesh.members()) {
        const { sentBytes: octets, sentFrames: frames } = links.traffic();
        const before = last.get(host.daemon);
        last.set(host.daemon, { octets, frames, atMs: nowMs });
        if (before === undefined || mesh.liars.has(name)) continue;
        const seconds = (nowMs - before.atMs) / 1000;
        const rate = {
          octets: (octets - before.octets) / seconds,
          frames: (frames - before.frames) / seconds,
        };
        if (rate.octets > STORM_OCTETS_MOST || rate.frames > STORM_FRAMES_MOST)
          verdicts.broken(
            `sends ${Math.round(rate.frames)} messages, ${Math.round(rate.octets)} octets a second`,
            name,
          );
      }
    });
    return {};
  },
);

export const honestStay = meshInvariant(
  'honest-stay',
  'nobody is shown the door who did not lie',
  (mesh, verdicts) => ({
    hears: ['log'],
    happened: (news) => {
      if (news.kind !== 'log' || news.event !== 'peer-expelled') return;
      const who = mesh.nameAt(parseEndpoint(String(news.fields?.['endpoint']))!);
      if (who !== undefined && mesh.liars.has(who)) verdicts.sometimes('a liar was expelled');
      else verdicts.broken(`expels ${who}, which ${news.fields?.['why']}`, news.host);
    },
  }),
);

const SAID_WITHIN_MS = 5_000;
/** A daemon that gets another name starts anew. */
const RESTART_MS = 1_500;

export const sameNameSaid = meshInvariant(
  'same-name-said',
  'when two members have one name, somebody says so within 5 s',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    const said = new Map<string, number>();
    return {
      hears: ['log', 'fault'],
      happened: (news, atMs) => {
        if (news.kind === 'log' && news.event === 'duplicate-node-name') {
          said.set(String(news.fields?.['name']), atMs);
          verdicts.sometimes('two members had one name');
        }
        if (news.kind !== 'fault' || news.phase !== 'begins') return;
        const { fault, durationMs } = eyes.fleet.plan.faults[news.index]!;
        if (fault.kind !== 'same-name' || fault.host === fault.as || durationMs < 2 * SAID_WITHIN_MS) return;
        eyes.at(atMs + SAID_WITHIN_MS + RESTART_MS, () => {
          const { fleet } = eyes;
          if (fleet.renamed.get(fault.host) !== fault.as || mesh.honestMs < SAID_WITHIN_MS) return;
          const twins = mesh.members().filter(({ name }) => name === fault.host || name === fault.as);
          const pieces = mesh.pieces();
          if (twins.length < 2 || pieces.get(twins[0]!.at) !== pieces.get(twins[1]!.at)) return;
          if ((said.get(fault.as) ?? -1) < atMs)
            verdicts.broken(`nobody says that two are called ${fault.as}`);
        });
      },
    };
  },
);
