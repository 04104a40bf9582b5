import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Testbed } from '../testbed/testbed.js';
import {
  BACKENDS,
  BACKOFF_SECONDS,
  type BackendName,
  DemoSite,
  FILE_VIP,
  MESOS_VIP,
  MINUTEMAN,
  waitFor,
} from './demo-site.js';

/**
 * `npm run demo`: Minuteman on three machines made of network namespaces, told step by step. Exits 0 when
 * every step went as told, 1 otherwise. `--keep` leaves everything running, `--stop` ends what was kept.
 */
const USAGE = 'usage: npm run demo [-- --keep | --stop]';
const REQUESTS = 6;
/** For what depends on chance and on how busy the machine is; mostly it takes a second or two. */
const PATIENCE_MS = 60_000;
const STREAM_SECONDS = 3;

let steps = 0;

/** Says what comes now and what it means. */
function step(title: string, ...meaning: readonly string[]): void {
  steps += 1;
  console.log(`\n${steps}. ${title}`);
  for (const line of meaning) console.log(`   ${line}`);
}

function show(text: string): void {
  console.log(text.trimEnd().replace(/^/gm, '     '));
}

function agentCommand(site: DemoSite, name: string): string {
  return `minuteman agent --config ${site.file(`${name}.yaml`)}`;
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
  show(`client$ curl http://${vip}/   ${times} times`);
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
    'client, web1, web2 and master are network namespaces joined by a switch.',
    'Your own network and firewall are not touched.',
  );
  for (const [name, host] of site.hosts) show(`${name.padEnd(7)} ${host.address}`);

  step('Backends', 'web1 and web2 run small HTTP servers that say who they are.');
  await site.startHellos();

  step(
    'Where VIPs come from',
    `A file says which backends are behind ${FILE_VIP} (below);`,
    `a fake Mesos master has two tasks labelled VIP_0 = ${MESOS_VIP}.`,
  );
  show(await site.startSources());

  step(
    'Daemons',
    'Each machine runs its own. It reads file and master, and puts the VIPs into its own kernel:',
    'no load balancer stands in the middle.',
  );
  await Promise.all(['client', 'web1', 'web2'].map((name) => site.startDaemon(name)));
  for (const name of site.daemons.keys())
    show(`${`${name}$`.padEnd(8)}${agentCommand(site, name)}   -> ready`);

  step(
    'The VIP of the file',
    "No machine has this address. The client's kernel sends each connection to the backend",
    'that the daemon on the client chose for it.',
  );
  await ask(site, FILE_VIP, REQUESTS);

  step('The VIP of the Mesos labels', 'The same, with the backends that the master named.');
  await ask(site, MESOS_VIP, REQUESTS / 2);

  step(
    'The table',
    "What the client's daemon knows of each backend: handshakes that worked (OK) or not, and",
    'how long they take (EWMA). Fast and idle backends get more.',
  );
  const table = await vipTable(site);
  expect(table.includes(FILE_VIP) && table.includes(MESOS_VIP), 'a VIP is missing from the table');

  step(
    'In the kernel',
    'One entry a connection carries all packets both ways: first what the client called, then',
    'who really answers. The daemon saw the first packet only.',
  );
  const vipAddress = FILE_VIP.replace(/:.*/, '');
  const entries = await site.run('client', 'conntrack', ['-L', '-p', 'tcp', '--orig-dst', vipAddress]);
  show(`client$ conntrack -L --orig-dst ${vipAddress} | head -1\n${entries.text.split('\n')[0]}`);

  const victim = await tellFailure(site);
  await tellRecovery(site, victim);
  await tellDaemonDeath(site);
}

/** The backend that the next connection goes to: of two idle ones the faster. */
async function preferred(site: DemoSite): Promise<BackendName> {
  const { ok, text } = await site.run('client', process.execPath, [MINUTEMAN, 'vips', '--json']);
  expect(ok, `minuteman vips --json failed: ${text}`);
  const { vips } = JSON.parse(text) as { vips: Record<string, Record<string, { ewma_ms: number | null }>> };
  const speeds = Object.entries(vips[FILE_VIP] ?? {}).sort(
    ([, a], [, b]) => (a.ewma_ms ?? 0) - (b.ewma_ms ?? 0),
  );
  const name = BACKENDS.find((backend) => speeds[0]?.[0].startsWith(`${site.host(backend).address}:`));
  if (name === undefined) throw new DemoFailure(`no backend of ${FILE_VIP} in ${text}`);
  return name;
}

/** Kills the backend that is used most; answers which. */
async function tellFailure(site: DemoSite): Promise<BackendName> {
  const victim = await preferred(site);
  step(
    'A backend dies',
    `The server on ${victim} is killed, and its kernel refuses connections. After 5 failures in a row the`,
    'daemon sends nobody there any more.',
  );
  const daemon = site.daemons.get('client')!;
  const from = statSync(daemon.log).size;
  const isToldUnavailable = (line: string): boolean => line.includes('"event":"backend-unavailable"');
  await site.killHello(victim);
  const outcomes = { refused: 0, answered: 0 };
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!readFileSync(daemon.log).subarray(from).toString().split('\n').some(isToldUnavailable)) {
    expect(performance.now() < giveUpAt, `${victim} is still used: ${JSON.stringify(outcomes)}`);
    const { ok } = await curl(site, FILE_VIP);
    outcomes[ok ? 'answered' : 'refused'] += 1;
  }
  const { refused, answered } = outcomes;
  show(`client$ curl http://${FILE_VIP}/   until it is avoided: ${refused} refused, ${answered} answered`);
  const line = await waitFor(daemon, isToldUnavailable, from);
  show(`client's log: ${(JSON.parse(line) as { msg: string }).msg}`);
  const answers = await ask(site, FILE_VIP, REQUESTS);
  expect(!answers.has(victim), 'the dead backend still answers');
  const table = await vipTable(site);
  expect(/unavailable/.test(table), 'the table does not show the dead backend');
  return victim;
}

async function tellRecovery(site: DemoSite, victim: BackendName): Promise<void> {
  step(
    'It comes back',
    `The server on ${victim} is started again. It is tried anew ${BACKOFF_SECONDS} s after its last failure (30 s by default).`,
  );
  await site.startHello(victim);
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const { ok, text } = await curl(site, FILE_VIP);
    expect(ok, text);
    if (text.startsWith(victim)) break;
    expect(performance.now() < giveUpAt, `${victim} runs again but is not used`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  show(`client$ curl http://${FILE_VIP}/   until ${victim} answers: it does`);
}

async function tellDaemonDeath(site: DemoSite): Promise<void> {
  step(
    'The daemon dies',
    "The client's daemon is killed in the middle of a stream: the kernel carries the stream on.",
    'Then the daemon is started again, and new connections are placed again.',
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
  show(`client$ ${agentCommand(site, 'client')}   -> ready\nclient$ curl http://${FILE_VIP}/\n${text}`);
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
  kill ${site.helloPid('web1')}          kills the backend on web1
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
  console.log(
    'Minuteman: service addresses (VIPs) without a load balancer in the middle, on three machines.',
  );
  const site = await DemoSite.create(keep);
  try {
    await tell(site);
    if (keep) {
      tellKept(site);
      return;
    }
    step('The end', 'The daemons stop in order and take their rules away; then the namespaces go.');
    const failed = await site.stopDaemons();
    expect(failed.length === 0, `did not stop cleanly: ${failed.join(', ')}`);
  } catch (error) {
    console.error(`\n${site.logTails()}`);
    await site.destroy();
    throw error;
  }
  await site.destroy();
  show('Nothing is left. To have it all left running: npm run demo -- --keep');
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
