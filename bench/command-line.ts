import { pathToFileURL } from 'node:url';

/** Whether this module is the program that was started, and not imported by another. */
export function isMain(moduleUrl: string): boolean {
  return moduleUrl === pathToFileURL(process.argv[1] ?? '').href;
}

/** A whole number above 0 from the command line; anything else is an error that names the option. */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`${name} must be a whole number above 0, not ${text}`);
}
