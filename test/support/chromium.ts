import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from '../../src/native/tool.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The command of a Chromium on this machine. */
export function findChromium(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** Whether this system's packages have one, so that it could be installed. Ubuntu's, for one, have it as a snap only. */
export function chromiumIsPackaged(): boolean {
  return spawnSync('apt-cache', ['show', 'chromium'], { stdio: 'ignore' }).status === 0;
}

/** The document of a file as it is after its scripts ran; `address` may end in a #fragment. */
export async function domAfterScripts(chromium: string, address: string): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'minuteman-chromium-'));
  try {
    const options = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`];
    const args = [...options, '--virtual-time-budget=3000', '--dump-dom', address];
    const run = await runTool(chromium, args, { timeoutMs: 60_000 });
    if (run.code !== 0) throw new Error(`${chromium}: ${run.failure ?? run.stderr}`);
    return run.stdout;
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
