import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Patch, patched } from './patched.js';
import type { MutantAnswer, MutantTask } from './run-mutant.js';

const CHILD = fileURLToPath(new URL('./run-mutant.js', import.meta.url));
/** Children at a time: as many as a small machine has cores. */
const AT_ONCE = 2;
/** What patched code covers says nothing, and collecting it takes time. */
const UNCOVERED = { ...process.env, NODE_V8_COVERAGE: '' };

let running = 0;
const waiting: (() => void)[] = [];

/** Runs the plans in a process of its own, in which the code is patched. */
export async function runInChild(patches: readonly Patch[], task: MutantTask): Promise<MutantAnswer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-mutant-'));
  try {
    const program = join(directory, 'mutant.mjs');
    writeFileSync(program, await patched(CHILD, patches));
    return await new Promise((resolve, reject) => {
      const options = { timeout: 170_000, env: UNCOVERED };
      const child = execFile(process.execPath, [program], options, (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout));
        else reject(new Error(`the run failed: ${stderr.slice(-2_000) || error.message}`));
      });
      child.stdin?.end(JSON.stringify(task));
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
    running -= 1;
    waiting.shift()?.();
  }
}
