import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { type Config, type ConfigResult, readConfig } from './config.js';
import { formatFault } from './config-fault.js';
import { CommandFailure, EXIT_USAGE } from './failure.js';

const MAX_FILE_BYTES = 1_048_576;

/** Reads a YAML or JSON configuration file (JSON is YAML) and everything it refers to. Never throws. */
export function loadConfig(path: string): ConfigResult {
  const fault = (message: string, place = ''): ConfigResult => ({
    ok: false,
    faults: [{ path: `${path}${place}`, message }],
  });
  let text: string;
  try {
    text = readBounded(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fault(
      code === undefined ? message : `cannot be read (${code}); check the path and its permissions`,
    );
  }
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    return {
      ok: false,
      faults: document.errors.map((error) => {
        const at = error.linePos?.[0];
        // The first line says what is wrong; the others draw the place, which the path names already.
        const what = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
        return {
          path: at === undefined ? path : `${path}:${at.line}:${at.col}`,
          message: `is no valid YAML: ${what}`,
        };
      }),
    };
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    return fault(`is no valid YAML: ${(error as Error).message}`);
  }
  return readConfig(value, { hostname: hostname(), directory: dirname(resolve(path)) });
}

/** The configuration in a file, or a failure with a line for each fault. */
export function loadConfigOrFail(path: string): Config {
  const result = loadConfig(path);
  if (result.ok) return result.config;
  throw new CommandFailure(EXIT_USAGE, ...result.faults.map(formatFault));
}

function readBounded(path: string): string {
  const file = openSync(path, 'r');
  try {
    const stat = fstatSync(file);
    if (stat.isDirectory()) throw new Error('is a directory; name the configuration file in it');
    if (stat.size > MAX_FILE_BYTES) {
      throw new Error(`has ${stat.size} bytes, at most ${MAX_FILE_BYTES} are read; is it the right file?`);
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
