import { listen, probe } from '../../testbed/probing.js';
import { withBed } from '../support/bed.js';
import { startDaemon } from '../support/daemon.js';
import { eventually } from '../support/eventually.js';
import { kernelTest } from '../support/prerequisites.js';

const CONNECTIONS = 500;

kernelTest(`three hosts open ${CONNECTIONS} connections each at once to four backends`, (t) =>
  withBed(t, async (bed) => {
    const clients = await Promise.all(
      [1, 2, 3].map((n) => bed.host(`client${n}`, { address: `10.99.0.${n}` })),
    );
    const backends = await Promise.all(
      [1, 2, 3, 4].map((n) => bed.host(`web${n}`, { address: `10.99.1.${n}` })),
    );
    await Promise.all(backends.map((backend) => listen(backend, 80, backend.name)));
    const vips = { '10.1.2.3:5000': backends.map(({ address }) => `${address}:80`) };
    const daemons = await Promise.all(clients.map((client) => startDaemon(client, { vips })));

    const request = { count: CONNECTIONS, concurrency: CONNECTIONS, timeoutMs: 15_000, reset: true };
    const seen = (await Promise.all(clients.map((client) => probe(client, '10.1.2.3:5000', request)))).flat();
    const strays = seen.filter(
      ({ outcome, from, first }) =>
        outcome !== 'connected' || !new RegExp(`^web[1-4] ${from}\n$`).test(first ?? ''),
    );
    t.deepEqual(strays, [], 'each is answered, by a backend that knows it by its own address and port');
    t.is(new Set(seen.map(({ from }) => from)).size, clients.length * CONNECTIONS);
    for (const { name } of backends) {
      const share = seen.filter(({ first }) => first?.startsWith(`${name} `)).length / seen.length;
      t.log(`${name} got ${(share * 100).toFixed(1)} %`);
      t.true(share > 0.05, `${name} got ${share * 100} % of the connections`);
    }

    for (const daemon of daemons) {
      const placed = await daemon.metric('minuteman_verdicts_total', 'outcome="mapped"');
      t.true(placed >= CONNECTIONS, `${placed} placed; more if a SYN was sent again`);
      await eventually(
        'no handshake is left open',
        () => daemon.metric('minuteman_pending_handshakes'),
        (pending) => pending === 0,
      );
      t.is(await daemon.metric('minuteman_verdicts_total', 'outcome="refused"'), 0);
    }
  }),
);
