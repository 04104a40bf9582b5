import test from 'ava';
import type { Happening } from '../../../src/sim/engine/journal.js';
import { oneVerdict } from '../../../src/sim/invariants/packet-verdicts.js';
import type { Fault } from '../../../src/sim/plan/plan.js';
import { client, Scene, vip } from './scene.js';

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

const rows: readonly [sentence: string, broken: boolean, steps: readonly Step[], fault?: Fault][] = [
  ['decided at once', false, [queued, 1, verdict, 10_000]],
  ['decided after two deadlines', false, [queued, 300, verdict, 10_000]],
  ['not decided within two deadlines', true, [queued, 340]],
  ['decided after the worker crashed', false, [queued, 200, restarted, 200, verdict, 10_000]],
  ['not decided after the worker crashed', true, [queued, 200, restarted, 700]],
  ['decided twice', true, [queued, verdict, verdict]],
  ['decided without having been queued', true, [verdict]],
  ['queued under an id that is taken', true, [queued, queued]],
  ['let go by the warden, as the daemon stands still', false, [queued, paused, 3_500, verdict, 10_000]],
  ['not let go by the warden', true, [queued, paused, 6_000]],
  [
    'taken along by a machine that ends',
    false,
    [queued, 10_000],
    { kind: 'panic', host: 'n1', wiped: false },
  ],
  [
    'not decided while another machine ends',
    true,
    [queued, 400],
    { kind: 'panic', host: 'n2', wiped: false },
  ],
];

for (const [sentence, broken, steps, fault] of rows) {
  test(`a SYN that is ${sentence} ${broken ? 'breaks' : 'keeps'} the promise`, async (t) => {
    const faults = fault === undefined ? [] : [{ atMs: 20_000, durationMs: 20_000, fault }];
    const scene = await new Scene(oneVerdict, faults).served();
    for (const step of steps) await (typeof step === 'number' ? scene.pass(step) : scene.happen(step));
    t.is(scene.violations.length > 0, broken, scene.violations.join('\n'));
  });
}
