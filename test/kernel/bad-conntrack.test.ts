import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../testbed/host.js';
import { listen, probe, startProbe } from '../../testbed/probing.js';
import { badDay, eventually, ONE, VIP } from '../support/bad-day.js';
import { startDaemon } from '../support/daemon.js';

/** A limit of the kernel for each namespace, and only the first may change it: so the table is really filled. */
const MAX = Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'));
const PORTS = 60_000;

/** Somebody else's connections, established and answered, so that the kernel throws none of them away. */
async function fill(host: Host, from: number, to: number): Promise<void> {
  const lines: string[] = [];
  for (let n = from; n < to; n++) {
    const client = `10.200.0.${Math.floor(n / PORTS)}`;
    const port = 1_024 + (n % PORTS);
    lines.push(
      `-A -t 600 -u ASSURED,SEEN_REPLY -p tcp --state ESTABLISHED -s ${client} -d 10.201.0.1 --sport ${port} --dport 80 ` +
        `-r 10.201.0.1 -q ${client} --reply-port-src 80 --reply-port-dst ${port}`,
    );
  }
  // Through cat: what node opens for a program's input cannot be opened by name.
  const load = ['-c', 'cat | { conntrack -R /dev/stdin || :; }'];
  await host.must('sh', load, { input: `${lines.join('\n')}\n`, timeoutMs: 60_000 });
  const [count] = (await host.must('conntrack', ['-C'])).split('\n');
  if (Number(count) < Math.min(to, MAX) - 1) throw new Error(`only ${count} entries of ${to} were made`);
}

badDay(
  'a connection table that fills up is told of; when full, clients retry until there is room',
  async (t, day) => {
    await listen(day.one, 80, 'one', 20);
    const most = Math.ceil(MAX * 0.85);
    await fill(day.client, 0, most);
    const daemon = await startDaemon(day.client, { vips: { [VIP]: [ONE] } });
    const warning = await daemon.waitFor('conntrack-nearly-full');
    t.log(warning.msg);
    t.is(warning.max, MAX);
    t.true((warning.count as number) > MAX * 0.8);
    t.true((await daemon.metric('minuteman_conntrack_entries')) >= most);
    t.is(await daemon.metric('minuteman_conntrack_max'), MAX);
    t.is((await probe(day.client, VIP))[0]?.outcome, 'connected', 'there is room still');
    const held = await startProbe(day.client, VIP, { holdMs: 100_000 });

    await fill(day.client, most, MAX + 10);
    const [refused] = await probe(day.client, VIP, { timeoutMs: 500 });
    t.is(refused?.outcome, 'timeout', 'its SYN is dropped, so that it is sent again');
    const patient = probe(day.client, VIP, { timeoutMs: 20_000 });
    // The program takes its time to start, and the table is not to have room before its first SYN.
    await eventually(
      'a SYN without an answer',
      () => day.client.must('ss', ['-Htn', 'state', 'syn-sent', 'dst', VIP]),
      (sockets) => sockets !== '',
    );
    await sleep(200);
    await day.client.must('conntrack', ['-D', '-s', '10.200.0.0/16'], { timeoutMs: 60_000 });
    const [seen] = await patient;
    t.log(`the connection that waited: ${seen?.outcome} after ${seen?.ms.toFixed(0)} ms`);
    t.regex(seen?.first ?? '', /^one /);
    t.true((await daemon.metric('minuteman_mappings_total', 'full')) >= 2);
    t.true((await daemon.metric('minuteman_verdicts_total', 'deferred')) >= 2);
    t.like((await daemon.backends(VIP))[ONE], { total_failures: 0, pending_connections: 0 });
    held.program.kill();
    t.like((await held.result)[0], { outcome: 'connected', stood: true });
  },
);
