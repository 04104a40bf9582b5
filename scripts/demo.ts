import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Testbed } from '../testbed/testbed.js';
import { BACKOFF_SECONDS, DemoSite, FILE_VIP, MESOS_VIP, MINUTEMAN, waitFor } from './demo-site.js';

/**
 * `npm run demo`: Minuteman on three machines made of network namespaces, told step by step. Exits 0 when
 * every step went as told, 1 otherwise. `--keep` leaves everything running, `--stop` ends what was kept.
 */
const USAGE = 'usage: npm run demo [-- --keep | --stop]';
const REQUESTS = 6;
/** A backend is avoided after 5 failures in a row; half of the requests meet the other one. */
const REQUESTS_UNTIL_AVOIDED = 60;
const STREAM_SECONDS = 3;

let steps = 0;

function step(title: string, meaning: string): void {
  steps += 1;
  console.log(`\n${steps}. ${title}\n   ${meaning}`);
}

function show(text: string): void {
  console.log(text.replace(/^/gm, '     '));
}

/** A step that did not go as told. */
class DemoFailure extends Error {}

function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new DemoFailure(otherwise);
}

async function curl(site: DemoSite, vip: string): Promise<{ ok: boolean; text: string }> {
  return site.run('client', 'curl', ['-sS', '--max-time', '5', `http://${vip}/`]);
}

/** Asks a VIP several times, shows each answer, and says how many came from whom. */
async function ask(site: DemoSite, vip: string, times: number): Promise<Map<string, number>> {
  const from = new Map<string, number>();
  show(`client$ curl http://${vip}/          (${times} times)`);
  for (let i = 0; i < times; i += 1) {
    const { ok, text } = await curl(site, vip);
    show(text);
    expect(ok, `the VIP ${vip} did not answer: ${text}`);
    const name = text.replace(/ .*/s, '');
    from.set(name, (from.get(name) ?? 0) + 1);
  }
  return from;
}

async function vipTable(site: DemoSite): Promise<string> {
  const { ok, text } = await site.run('client', process.execPath, [MINUTEMAN, 'vips']);
  show(`client$ minuteman vips\n${text}`);
  expect(ok, `minuteman vips failed: ${text}`);
  return text;
}

async function tell(site: DemoSite): Promise<void> {
  step(
    'Machines',
    'client, web1, web2 and master are network namespaces joined by a switch; the real network is not touched.',
  );
  for (const [name, host] of site.hosts) show(`${name.padEnd(7)} ${host.address}`);

  step(
    'Backends',
    'web1 and web2 run small HTTP servers that say who they are; nobody has told the client where.',
  );
  await site.startHellos();

  step(
    'Sources',
    `a file says which backends are behind ${FILE_VIP}; a fake Mesos master runs tasks labelled VIP_0 = ${MESOS_VIP}.`,
  );
  show(await site.startSources());

  step(
    'Daemons',
    'each machine runs its own; it reads both sources and puts the VIPs into its own kernel. No box in the middle.',
  );
  await Promise.all(['client', 'web1', 'web2'].map((name) => site.startDaemon(name)));
  for (const name of site.daemons.keys())
    show(`${name}$ minuteman agent --config ${site.file(name)}.yaml     ready`);

  step(
    'The VIP of the file',
    "no machine has this address: the client's own kernel sends each connection to a backend the daemon chose.",
  );
  const answers = await ask(site, FILE_VIP, REQUESTS);
  expect(answers.size > 0, 'nobody answered');

  step('The VIP of the Mesos labels', 'the same, with backends that the master named.');
  await ask(site, MESOS_VIP, REQUESTS / 2);

  step(
    'The table',
    "what the client's daemon knows: state, handshakes that worked or failed, how fast each backend answers.",
  );
  const table = await vipTable(site);
  expect(table.includes(FILE_VIP) && table.includes(MESOS_VIP), 'a VIP is missing from the table');

  step(
    'In the kernel',
    'one entry per connection carries its packets both ways; the daemon saw the first packet only.',
  );
  const entry = await site.run('client', 'conntrack', [
    '-L',
    '-p',
    'tcp',
    '--orig-dst',
    FILE_VIP.replace(/:.*/, ''),
  ]);
  show(
    `client$ conntrack -L --orig-dst ${FILE_VIP.replace(/:.*/, '')}     (first line)\n${entry.text.split('\n')[0]}`,
  );

  await tellFailure(site);
  await tellRecovery(site);
  await tellDaemonDeath(site);
}

async function tellFailure(site: DemoSite): Promise<void> {
  step(
    'A backend dies',
    "web1's server is killed. Its kernel refuses connections; after 5 failures in a row nobody is sent there.",
  );
  const daemon = site.daemons.get('client')!;
  const from = statSync(daemon.log).size;
  await site.killHello('web1');
  const unavailable = (): boolean =>
    readFileSync(daemon.log).subarray(from).toString().includes('"event":"backend-unavailable"');
  let refused = 0;
  let answered = 0;
  while (!unavailable()) {
    expect(
      refused + answered < REQUESTS_UNTIL_AVOIDED,
      `${refused} of ${refused + answered} requests failed and web1 is still used`,
    );
    if ((await curl(site, FILE_VIP)).ok) answered += 1;
    else refused += 1;
  }
  show(
    `client$ curl http://${FILE_VIP}/          (until web1 is avoided: ${answered} answered by web2, ${refused} refused)`,
  );
  const line = await waitFor(daemon, (text) => text.includes('"event":"backend-unavailable"'), from);
  show(`client's log: ${(JSON.parse(line) as { msg: string }).msg}`);
  const answers = await ask(site, FILE_VIP, REQUESTS);
  expect(answers.get('web2') === REQUESTS, 'the dead backend was still chosen');
  const table = await vipTable(site);
  expect(/unavailable/.test(table), 'the table does not show the dead backend');
}

async function tellRecovery(site: DemoSite): Promise<void> {
  step(
    'It comes back',
    `web1's server is started again; it is tried anew ${BACKOFF_SECONDS} s after its last failure (30 s unless told otherwise).`,
  );
  await site.startHello('web1');
  await new Promise((resolve) => setTimeout(resolve, BACKOFF_SECONDS * 1_000));
  const names = new Set<string>();
  let asked = 0;
  while (!names.has('web1')) {
    expect(asked < REQUESTS_UNTIL_AVOIDED, 'web1 answers again but is not used');
    const { ok, text } = await curl(site, FILE_VIP);
    expect(ok, text);
    names.add(text.replace(/ .*/s, ''));
    asked += 1;
  }
  show(`client$ curl http://${FILE_VIP}/          (request ${asked} was answered by web1)`);
}

async function tellDaemonDeath(site: DemoSite): Promise<void> {
  step(
    'The daemon dies',
    `the client's daemon is killed in the middle of a stream: the kernel carries it on. Then it is started again.`,
  );
  const client = site.host('client');
  show(`client$ curl -N http://${FILE_VIP}/stream`);
  const stream = await client.spawn('curl', ['-sSN', `http://${FILE_VIP}/stream`]);
  await stream.waitForLine(/^1 /);
  const daemon = site.daemons.get('client')!;
  daemon.program.kill('SIGKILL');
  await daemon.program.exited;
  const last = await stream.waitForLine(new RegExp(`^${1 + STREAM_SECONDS} `));
  show(stream.lines.join('\n'));
  expect(stream.running, `the stream broke: ${last}`);
  await stream.stop();
  await site.startDaemon('client');
  const { ok, text } = await curl(site, FILE_VIP);
  show(`client$ minuteman agent ...     ready\nclient$ curl http://${FILE_VIP}/\n${text}`);
  expect(ok, `the VIP does not answer after the daemon's restart: ${text}`);
}

function tellKept(site: DemoSite): void {
  const into = (name: string): string => `ip netns exec ${site.host(name).namespace.name}`;
  console.log(`
Left running (--keep). To play with it, from this directory:
  ${into('client')} curl http://${FILE_VIP}/
  ${into('client')} curl -N http://${FILE_VIP}/stream
  ${into('client')} bin/minuteman vips          also: status, members
  ${into('client')} curl http://127.0.0.1:61421/metrics
  kill ${site.helloPid('web1')}          the backend on web1
  edit ${site.file('vips.yaml')} or ${site.file('cluster.json')}: the VIPs follow
  tail -f ${site.file('daemon-client.log')}
To end it:
  npm run demo -- --stop`);
}

/** Ends what `--keep` left: the namespaces with the programs in them, and the files. */
function stopKept(): void {
  const removed = Testbed.sweep({ kept: true });
  DemoSite.removeKeptFiles();
  console.log(removed.length === 0 ? 'nothing was left running' : `ended: ${removed.join(', ')}`);
}

async function run(keep: boolean): Promise<void> {
  console.log('Minuteman: service addresses (VIPs) without a load balancer in the middle.');
  const site = await DemoSite.create(keep);
  try {
    await tell(site);
    if (keep) {
      tellKept(site);
      return;
    }
    step('The end', 'the daemons stop in order and take their rules away; then the namespaces go.');
    const failed = await site.stopDaemons();
    expect(failed.length === 0, `did not stop cleanly: ${failed.join(', ')}`);
  } catch (error) {
    console.error(`\n${site.logTails()}`);
    await site.destroy();
    throw error;
  }
  await site.destroy();
  show('done, nothing is left; "npm run demo -- --keep" leaves it running to play with');
}

async function main(): Promise<number> {
  let options: { readonly keep: boolean; readonly stop: boolean };
  try {
    options = parseArgs({
      options: { keep: { type: 'boolean', default: false }, stop: { type: 'boolean', default: false } },
    }).values;
  } catch (error) {
    console.error(`demo: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (process.getuid?.() !== 0) {
    console.error('demo: network namespaces need root; run: sudo npm run demo');
    return 1;
  }
  try {
    if (options.stop) stopKept();
    else await run(options.keep);
    return 0;
  } catch (error) {
    const { message, stack } = error as Error;
    console.error(`\ndemo: ${error instanceof DemoFailure ? message : stack}`);
    if (/Operation not permitted/.test(message)) {
      console.error('demo: this root may not make network namespaces; a container needs --privileged');
    }
    return 1;
  }
}

// Kept programs hold handles of ours; only an explicit end lets go of them.
process.exit(await main());
