import type * as z from 'zod';

/** One thing wrong with a configuration: where, in the notation of the file, and what to do about it. */
export interface ConfigFault {
  /** `sources[2].type`; or the file itself, `/etc/minuteman/minuteman.yaml:3:5`. */
  readonly path: string;
  readonly message: string;
}

/** Tells of a fault at a place in the document. */
export type Fault = (path: PropertyKey[], message: string) => void;

export function formatFault(fault: ConfigFault): string {
  return `${fault.path}: ${fault.message}`;
}

const MAX_SHOWN = 60;

/** A value as the operator wrote it, on one line and of bounded length. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  object: 'a section of "key: value" lines',
  array: 'a list',
};

/** Words for what zod finds by itself; rules of ours bring their own. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = EXPECTED[issue.expected] ?? issue.expected;
      if (issue.input === undefined) return `is missing; set it to ${expected}`;
      if (issue.input === null) return `is empty; set it to ${expected} or remove the line`;
      return `must be ${expected}, not ${shown(issue.input)}`;
    }
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}, not ${shown(issue.input)}`;
    case 'unrecognized_keys': {
      const def = issue.inst?._zod.def as { readonly shape?: object } | undefined;
      return `is no known key; known here: ${Object.keys(def?.shape ?? {}).join(', ')}`;
    }
    default:
      return undefined;
  }
}

/** Each unknown key gets a line of its own; everything else is one fault an issue, in the order of the file. */
export function faultsOf(error: z.ZodError): readonly ConfigFault[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: issue.message }))
      : [{ path: formatPath(issue.path), message: issue.message }],
  );
}

function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text === '' ? 'configuration' : text;
}
