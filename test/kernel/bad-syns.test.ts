import type { Host } from '../../testbed/host.js';
import { listen, startProbe } from '../../testbed/probing.js';
import { badDay, entriesTo, ONE, TWO, VIP } from '../support/bad-day.js';
import { startDaemon } from '../support/daemon.js';
import { sendSyns } from '../support/raw-syn.js';

badDay('forged and duplicate SYNs leave an established connection alone', async (t, day) => {
  await listen(day.one, 80, 'one', 20);
  await listen(day.two, 80, 'two', 20);
  const daemon = await startDaemon(day.client, { vips: { [VIP]: [ONE, TWO] } });
  const container = await day.client.container('c1', { address: '10.88.1.2' });
  const forge = async (from: Host): Promise<void> => {
    const held = await startProbe(from, VIP, { sourcePort: 40_000, holdMs: 8_000 });
    const client = `${from.address}:40000`;
    const backend = (await entriesTo(day.client, VIP)).get(client);
    t.truthy(backend);
    const forged = { source: from.address, to: VIP, firstPort: 40_000, repeat: 200, pauseMs: 5 };
    t.is(await sendSyns(from, forged), 200);
    t.is((await entriesTo(day.client, VIP)).get(client), backend);
    const [seen] = await held.result;
    t.like(seen, { outcome: 'connected', stood: true });
    t.true(seen!.longestGapMs < 2_000, `a silence of ${seen!.longestGapMs} ms`);
    // A dot each 20 ms.
    t.true(seen!.bytes > 100, `${seen!.bytes} bytes`);
  };
  await Promise.all([forge(day.client), forge(container)]);
  const left = await daemon.metric('minuteman_mappings_total', 'exists-left-alone');
  t.log(`${left} of 400 met the entry of a connection that lives`);
  t.true(left >= 300, `${left}`);
  for (const { pending_connections, total_failures } of Object.values(await daemon.backends(VIP))) {
    t.deepEqual({ pending_connections, total_failures }, { pending_connections: 0, total_failures: 0 });
  }
});
