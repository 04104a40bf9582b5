import { fileURLToPath } from 'node:url';
import { runTool, type ToolRun } from '../../src/native/tool.js';

/** The command of this checkout. */
export const MINUTEMAN = fileURLToPath(new URL('../../../../bin/minuteman', import.meta.url));

/** Runs `minuteman` to its end. */
export function minuteman(...args: readonly string[]): Promise<ToolRun> {
  return runTool(process.execPath, [MINUTEMAN, ...args], { timeoutMs: 60_000 });
}
