import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Evaluation, evaluate } from '../../bench/evaluation/evaluation.js';
import { type Options, readOptions } from '../../bench/evaluation/options.js';
import { buildLoadPrograms } from '../../bench/load-programs.js';
import { listNamespaces } from '../../testbed/namespace.js';
import { childrenOf, startEvaluation } from '../support/evaluation-command.js';
import { eventually } from '../support/eventually.js';
import { serialKernelTest } from '../support/prerequisites.js';

/**
 * So few backends that handshakes tell who is dead some seconds before the end; and so many that this takes seconds
 * longer than the mesh does, also on a machine that has other work.
 */
const SHAPE = ['--nodes', '5', '--tasks', '30', '--kill', '0.2', '--at', '2s', '--duration', '10s'];

serialKernelTest(
  'real: the mesh repairs faster than handshakes that fail, and those faster than chance',
  async (t) => {
    await buildLoadPrograms();
    const options = readOptions([
      ...['--world', 'real', ...SHAPE, '--arm', 'mesh,connections,none', '--seed', '1'],
    ]) as Options;
    const { cells } = await evaluate(options);
    const [mesh, connections, none] = cells[0]!.summaries.map(({ runs }) => runs[0]!);
    t.log('repaired', [mesh, connections, none].map((run) => Math.round(run!.repairMs)).join(', '));
    t.log('known to half and to all', mesh!.knownByHalfMs, mesh!.knownByAllMs, 'wrongly', mesh!.falseDeaths);
    t.true(mesh!.repairMs < connections!.repairMs);
    t.true(connections!.repairMs < none!.repairMs);
    t.true(mesh!.knownByAllMs !== undefined && connections!.knownByAllMs === undefined);
    t.is(mesh!.failed, 0);
    t.true(none!.failed > 0 && none!.hits > 0);
    t.true(mesh!.traffic.before.bytes > 0 && mesh!.cpu! > 0);
  },
);

serialKernelTest('real: Ctrl-C leaves the files of what is done, and nothing else', async (t) => {
  await buildLoadPrograms();
  const scratch = mkdtempSync(join(tmpdir(), 'minuteman-interrupted-'));
  t.teardown(() => rmSync(scratch, { recursive: true }));
  const out = join(scratch, 'out');
  const small = ['--nodes', '3', '--tasks', '3', '--kill', '0.3', '--at', '500ms', '--duration', '1s'];
  const args = ['--world', 'real', ...small, '--arm', 'none', '--seeds', '9', '--out', out];
  const command = startEvaluation(args, scratch);
  await command.said(/^1 of 9 trials/);
  const [worker] = childrenOf(command.pid);
  const namespaces = (): string[] => listNamespaces(`mm${worker}.`);
  await eventually('the next cluster is being made', namespaces, ({ length }) => length > 1);
  command.pressCtrlC();
  t.is(await command.ended, 130);
  t.deepEqual(namespaces(), []);
  t.deepEqual(readdirSync(scratch), ['out']);
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Evaluation;
  t.is(results.trials, 1);
  t.regex(readFileSync(join(out, 'report.md'), 'utf8'), /interrupted: 1 of 9 trials/);
});
