import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Host } from '../../testbed/host.js';
import { Testbed } from '../../testbed/testbed.js';
import { serialKernelTest } from '../support/prerequisites.js';
import { intercept } from './intercept.js';

const CHILD = fileURLToPath(new URL('./lifecycle-host.js', import.meta.url));
const QUEUE = 60;
const ADDRESS = '10.99.0.1';

const SCENARIOS: Readonly<Record<string, string>> = {
  'two-threads': 'the addon serves several threads at once, and a thread that ends lets its queues go',
  twice: 'the addon loads twice in one process, and the process ends cleanly with everything open',
  'ends-when-closed': 'a process whose queue is closed ends by itself; closing twice is harmless',
  unprivileged: 'without CAP_NET_ADMIN the error names it',
  'full-queue-passes': 'a full queue lets SYNs pass, which are refused at once',
  'small-buffer-reads-on': 'a socket that overran is read on',
  'lost-events-are-told': 'lost events are told, and later ones come again',
  'bulk-with-window-scale': 'a fast transfer through a mapping arrives whole',
};

let bed: Testbed | undefined;
let host: Promise<Host> | undefined;
test.after.always(() => bed?.destroy());

async function makeHost(): Promise<Host> {
  bed = await Testbed.create();
  const made = await bed.host('lifecycle', { address: ADDRESS });
  await intercept(made, QUEUE);
  return made;
}

for (const [scenario, title] of Object.entries(SCENARIOS)) {
  serialKernelTest(title, async (t) => {
    host ??= makeHost();
    const args = [CHILD, scenario, ADDRESS, String(QUEUE)];
    const run = await (await host).exec(process.execPath, args, { timeoutMs: 30_000 });
    t.is(run.code, 0, `${run.failure ?? ''}${run.stderr}`);
    t.is(run.stdout, 'done\n');
  });
}
