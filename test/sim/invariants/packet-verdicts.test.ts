import type { Happening } from '../../../src/sim/engine/journal.js';
import { oneVerdict } from '../../../src/sim/invariants/packet-verdicts.js';
import { client, fault, judge, type Row, vip } from './scene.js';

const syn = { host: 'n1', queue: 50, id: 1, client: client(1), vip: vip(1) } as const;
const queued: Happening = { kind: 'queued', ...syn };
const verdict: Happening = { kind: 'verdict', ...syn, verdict: 'accept', by: 'daemon', tookMs: 1 };
const paused: Happening = { kind: 'daemon', host: 'n1', state: 'paused' };
const restarted: Happening = {
  kind: 'log',
  host: 'n1',
  level: 'warn',
  event: 'actor-restarted',
  message: '',
  fields: { actor: 'node/data-plane/nfqueue-pool/nfqueue-50' },
};

type Step = Happening | number;

/** Happenings, and milliseconds between them. */
function steps(sentence: string, ...each: readonly Step[]): Row {
  return {
    sentence,
    play: async (scene) => {
      for (const step of each) await (typeof step === 'number' ? scene.pass(step) : scene.happen(step));
    },
  };
}

judge(oneVerdict, {
  allowed: [
    steps('a verdict at once', queued, 1, verdict, 10_000),
    steps('a verdict after two deadlines', queued, 300, verdict, 10_000),
    steps('a verdict two deadlines after the worker crashed', queued, 200, restarted, 200, verdict, 10_000),
    steps(
      'the warden lets go of what a daemon that stands still holds',
      queued,
      paused,
      3_500,
      verdict,
      10_000,
    ),
    {
      ...steps('a machine takes along what it held when it ends', queued, 10_000),
      faults: fault({ kind: 'panic', host: 'n1', wiped: false }),
    },
  ],
  forbidden: [
    steps('no verdict within two deadlines', queued, 340),
    steps('no verdict after the worker crashed', queued, 200, restarted, 700),
    steps('a second verdict', queued, verdict, verdict),
    steps('a verdict on what was not queued', verdict),
    steps('an id that is taken', queued, queued),
    steps('no verdict while the daemon stands still', queued, paused, 6_000),
    {
      ...steps('no verdict while another machine ends', queued, 400),
      faults: fault({ kind: 'panic', host: 'n2', wiped: false }),
    },
  ],
});
