import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../testbed/host.js';
import { withBed } from '../support/bed.js';
import { startDaemon } from '../support/daemon.js';
import { eventually } from '../support/eventually.js';
import { kernelTest } from '../support/prerequisites.js';

const HELLO = fileURLToPath(new URL('../../testbed/hello.js', import.meta.url));

const OUTSIDE = 'http://10.99.0.1:8000/';

const CONFIG = `
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
  option http-server-close
frontend outside
  bind 10.99.0.1:8000
  default_backend inside
backend inside
  server mybackend 10.1.2.3:5000
`;

async function hello(host: Host): Promise<void> {
  const args = [HELLO, '--listen', `${host.address}:8080`];
  const program = await host.spawn(process.execPath, args);
  await program.waitForLine(/^listening/);
}

kernelTest('HAProxy has a VIP for its server, for clients from outside', (t) =>
  withBed(t, async (bed) => {
    const edge = await bed.host('edge', { address: '10.99.0.1' });
    const web1 = await bed.host('web1', { address: '10.99.0.2' });
    const web2 = await bed.host('web2', { address: '10.99.0.3' });
    const outside = await bed.host('outside', { address: '10.99.0.9' });
    await Promise.all([hello(web1), hello(web2)]);
    const daemon = await startDaemon(edge, {
      vips: { '10.1.2.3:5000': ['10.99.0.2:8080', '10.99.0.3:8080'] },
    });
    const directory = mkdtempSync(join(tmpdir(), 'minuteman-haproxy-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'haproxy.cfg'), CONFIG);
    await edge.spawn('haproxy', ['-db', '-f', join(directory, 'haproxy.cfg')]);
    const patience = ['-sS', '--retry-connrefused', '--retry', '20', '--retry-delay', '1'];
    const first = await outside.must('curl', [...patience, OUTSIDE], { timeoutMs: 30_000 });
    // One curl, forty requests; HAProxy opens a connection to the VIP for each.
    const others = await outside.must('curl', ['-sS', `${OUTSIDE}[1-40]`], { timeoutMs: 30_000 });
    const served = (first + others).trim().split('\n');
    t.is(served.length, 41);
    t.deepEqual(
      served.filter((line) => !/^web[12] \(pid \d+\): hello$/.test(line)),
      [],
    );
    // How many each gets is up to how fast it answered; one that was never asked is asked next.
    for (const web of ['web1', 'web2']) {
      const share = served.filter((line) => line.startsWith(web)).length;
      t.log(`${web} answered ${share} of 41`);
      t.true(share > 0, `${web} answered none`);
    }
    const backends = Object.values(await daemon.backends('10.1.2.3:5000'));
    t.deepEqual(
      backends.map((backend) => backend.total_failures),
      [0, 0],
    );
    t.true(backends.reduce((sum, backend) => sum + backend.total_successes, 0) >= 41);

    const busier = served.filter((line) => line.startsWith('web1')).length > 20 ? 'web1' : 'web2';
    const [left, leftAt] = busier === 'web1' ? ['web2', '10.99.0.3:8080'] : ['web1', '10.99.0.2:8080'];
    daemon.publish({ '10.1.2.3:5000': [leftAt] });
    await eventually(
      `all goes to ${left}`,
      () => outside.must('curl', ['-sS', `${OUTSIDE}[1-10]`]),
      (answers) => !answers.includes(busier),
    );
    daemon.publish({ '10.1.2.3:5000': [] });
    const status = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', OUTSIDE];
    const { answer } = await eventually(
      'HAProxy hears at once that there is no backend, and says so',
      () => outside.must('curl', status),
      (code) => code !== '200',
    );
    t.is(answer, '503');
  }),
);
