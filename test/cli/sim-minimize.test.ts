import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { runTool } from '../../src/native/tool.js';
import type { Plan } from '../../src/sim/cluster.js';

const PROJECT = fileURLToPath(new URL('../../../../', import.meta.url));

/** A copy of the command in which the rules are not looked at every second. */
function brokenCopy(t: ExecutionContext): { readonly command: string; at(name: string): string } {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'minuteman-minimize-')));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const part of ['bin', 'build/app', 'build/js/src']) {
    cpSync(join(PROJECT, part), join(directory, part), { recursive: true });
  }
  cpSync(join(PROJECT, 'package.json'), join(directory, 'package.json'));
  symlinkSync(realpathSync(join(PROJECT, 'node_modules')), join(directory, 'node_modules'));
  const patched = join(directory, 'build/js/src/actors/data-plane/firewall-manager.js');
  const text = readFileSync(patched, 'utf8');
  const changed = text.replace('firewall.fingerprint() !== state.fingerprint', 'false');
  t.not(changed, text, 'there is no such line to patch any more');
  writeFileSync(patched, changed);
  return {
    command: join(directory, 'bin/minuteman'),
    at: (name) => join(directory, name),
  };
}

test('a run that breaks a promise is made small, and what is left of it breaks the same one again', async (t) => {
  const { command, at } = brokenCopy(t);
  const sim = (...args: readonly string[]) =>
    runTool(process.execPath, [command, 'sim', ...args], { timeoutMs: 150_000 });
  const plan: Plan = {
    seed: 3,
    scenario: 'rules flushed, and more',
    nodes: 3,
    durationMs: 30_000,
    healMs: 20_000,
    vips: 2,
    backends: 6,
    connectionsPerSecond: 10,
    longConnections: 2,
    mesh: false,
    source: 'file',
    faults: [
      { atMs: 9_000, durationMs: 2_000, fault: { kind: 'slow-cpu', host: 'n2', factor: 5 } },
      { atMs: 10_000, durationMs: 0, fault: { kind: 'rules-flushed', host: 'n1', table: 'raw' } },
      { atMs: 12_000, durationMs: 3_000, fault: { kind: 'backend-refuses', backend: 1 } },
      { atMs: 14_000, durationMs: 0, fault: { kind: 'tasks', how: 'add', count: 2 } },
    ],
  };
  writeFileSync(at('plan.json'), JSON.stringify(plan));
  const first = await sim('--replay', at('plan.json'), '--minimize', at('small.json'));
  t.is(first.code, 1, first.stderr);
  t.regex(first.stdout, /looking for a smaller plan that violates "rules-once"/);
  t.regex(first.stdout, /4 faults -> 1, /);
  const small = JSON.parse(readFileSync(at('small.json'), 'utf8')) as { invariant: string; plan: Plan };
  t.is(small.invariant, 'rules-once');
  t.deepEqual(
    small.plan.faults.map(({ fault }) => fault.kind),
    ['rules-flushed'],
  );
  t.true(small.plan.nodes < plan.nodes && small.plan.durationMs < plan.durationMs);

  const again = await sim('--replay', at('small.json'));
  t.is(again.code, 1);
  t.regex(again.stdout, /violation at .*: rules-once: /);
  const hash = (text: string): string | undefined => / hash=([0-9a-f]+) /.exec(text)?.[1];
  t.truthy(hash(again.stdout));
  t.is(hash((await sim('--replay', at('small.json'))).stdout), hash(again.stdout));
});
