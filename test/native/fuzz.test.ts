import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runTool } from '../../src/native/tool.js';

const SCRIPT = fileURLToPath(new URL('../../../../scripts/fuzz.sh', import.meta.url));

test('the parsers of packets and netlink messages survive mutated input', async (t) => {
  const run = await runTool('bash', [SCRIPT, '100000'], { timeoutMs: 170_000 });
  t.is(run.code, 0, `${run.stdout}${run.stderr}`);
  t.regex(run.stdout, /100000 inputs, no fault/);
});
