import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { Plan } from '../sim/cluster.js';
import { type ConfigFault, describeIssue, faultsOf, shown } from './config-fault.js';

/** The largest fleet and the longest run that are taken for what somebody meant. */
export const MOST_NODES = 10_000;
export const MOST_DURATION_MS = 7 * 86_400_000;
export const MOST_SEED = 2 ** 48;

export type PlanResult =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

const between = (least: number, most: number) =>
  z.number().refine((value) => value >= least && value <= most, {
    error: ({ input }) => `must be a number of ${least} to ${most}, not ${shown(input)}`,
  });
const whole = (least: number, most: number) =>
  z.number().refine((value) => Number.isInteger(value) && value >= least && value <= most, {
    error: ({ input }) => `must be a whole number of ${least} to ${most}, not ${shown(input)}`,
  });
const oneOf = <const T extends readonly string[]>(...names: T) =>
  z.enum(names, {
    error: ({ input }) =>
      input === undefined ? `is missing; set it to one of ${names.join(', ')}` : notAmong(names, input),
  });
const notAmong = (names: readonly string[], value: unknown): string =>
  `must be one of ${names.join(', ')}, not ${shown(value)}`;

const time = between(0, MOST_DURATION_MS);
const host = z.string().refine((name) => /^n[1-9]\d{0,5}$/.test(name), {
  error: ({ input }) => `must be the name of a host such as n1, not ${shown(input)}`,
});
/** JSON has no undefined: a host that is left out is any host. */
const anyHost = host.optional().transform((name): string | undefined => name);
const backend = whole(0, 1e7);
const ofHost = <T extends string>(kind: T) => z.strictObject({ kind: z.literal(kind), host });

const FAULTS = [
  z.strictObject({ kind: z.literal('panic'), host, wiped: z.boolean() }),
  z.strictObject({ kind: z.literal('host-killed'), host, wiped: z.boolean() }),
  ofHost('daemon-killed'),
  ofHost('daemon-stopped'),
  ofHost('daemon-paused'),
  ofHost('host-paused'),
  z.strictObject({ kind: z.literal('slow-cpu'), host, factor: between(1, 1e6) }),
  z.strictObject({ kind: z.literal('clock-drift'), host, rate: between(0.01, 100) }),
  z.strictObject({ kind: z.literal('clock-jump'), host, byMs: between(-1e12, 1e12) }),
  z.strictObject({ kind: z.literal('loss'), from: anyHost, to: anyHost, probability: between(0, 1) }),
  z.strictObject({ kind: z.literal('delay'), from: anyHost, to: anyHost, extraMs: time }),
  z.strictObject({ kind: z.literal('bandwidth'), host, bytesPerMs: between(0.001, 1e9) }),
  z.strictObject({ kind: z.literal('partition'), side: z.array(host), oneWay: z.boolean() }),
  z.strictObject({ kind: z.literal('cut'), a: host, b: host }),
  ofHost('half-open'),
  ofHost('connect-blackhole'),
  z.strictObject({
    kind: z.literal('mesh-liar'),
    host,
    how: oneOf('all-dead', 'in-others-names', 'old-records', 'alarms', 'phantoms', 'flood'),
  }),
  ofHost('disk-rolled-back'),
  ofHost('disk-read-only'),
  z.strictObject({ kind: z.literal('same-name'), host, as: host }),
  z.strictObject({
    kind: z.literal('kernel-error'),
    host,
    port: oneOf('conntrack-map', 'conntrack-lookup', 'verdict', 'ipset', 'iptables', 'heartbeat', 'routes'),
    code: oneOf('ENOBUFS', 'ENOENT', 'ENOMEM', 'EPERM', 'EINTR', 'EBUSY', 'EEXIST'),
    count: whole(1, 1e6),
  }),
  z.strictObject({ kind: z.literal('events-lost'), host, share: between(0, 1), told: z.boolean() }),
  z.strictObject({ kind: z.literal('queue-limit'), host, length: whole(0, 1e6) }),
  z.strictObject({
    kind: z.literal('rules-flushed'),
    host,
    table: oneOf('raw', 'mangle', 'filter', 'nat')
      .optional()
      .transform((table): 'raw' | 'mangle' | 'filter' | 'nat' | undefined => table),
  }),
  z.strictObject({ kind: z.literal('set-spoilt'), host, how: oneOf('destroyed', 'emptied', 'edited') }),
  ofHost('conntrack-full'),
  z.strictObject({ kind: z.literal('slow-tools'), host, tookMs: time }),
  z.strictObject({ kind: z.literal('backend-refuses'), backend }),
  z.strictObject({ kind: z.literal('backend-silent'), backend }),
  z.strictObject({ kind: z.literal('backend-slow'), backend, extraMs: time }),
  z.strictObject({
    kind: z.literal('master'),
    how: oneOf(
      'down',
      'hanging',
      'late',
      'dripping',
      'error-500',
      'truncated',
      'garbage',
      'empty',
      'stale',
      'standby',
      'fail-over',
    ),
  }),
  z.strictObject({
    kind: z.literal('tasks'),
    how: oneOf('move', 'kill', 'add', 'unhealthy', 'remove-vip'),
    count: whole(1, 1e6),
  }),
  z.strictObject({
    kind: z.literal('actor-crash'),
    host,
    actor: z.string(),
    nth: whole(1, 1e9),
    when: oneOf('before', 'after'),
  }),
] as const;
const KINDS = FAULTS.map((fault) => fault.shape.kind.value);

const fault = z.discriminatedUnion('kind', FAULTS, {
  error: (issue) => {
    if (issue.code !== 'invalid_union') return undefined;
    const kind = (issue.input as { readonly kind?: unknown } | undefined)?.kind;
    return kind === undefined ? `is missing; set it to one of ${KINDS.join(', ')}` : notAmong(KINDS, kind);
  },
});

const schema = z
  .strictObject({
    seed: whole(0, MOST_SEED),
    scenario: z.string(),
    nodes: whole(1, MOST_NODES),
    durationMs: between(1, MOST_DURATION_MS),
    healMs: time,
    vips: whole(1, 1e5),
    backends: whole(1, 1e6),
    connectionsPerSecond: between(0, 1e6),
    longConnections: whole(0, 1e6),
    mesh: z.boolean({ error: 'must be true or false' }),
    source: oneOf('file', 'mesos-master'),
    faults: z.array(z.strictObject({ atMs: time, durationMs: time, fault })),
  })
  .superRefine((plan, context) => {
    const tell = (path: PropertyKey[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (plan.healMs > plan.durationMs)
      tell(['healMs'], `must not be after the end of the run, which is at ${plan.durationMs} ms`);
    for (const [index, { fault: one }] of plan.faults.entries()) {
      const path = ['faults', index, 'fault'];
      for (const [name, value] of Object.entries(one)) {
        for (const wrong of hostsNamed(name, value).filter((known) => Number(known.slice(1)) > plan.nodes))
          tell(
            [...path, name],
            `there is no host ${wrong}; the plan has ${plan.nodes}: n1 to n${plan.nodes}`,
          );
      }
      if ('backend' in one && one.backend >= plan.backends)
        tell(
          [...path, 'backend'],
          `there is no backend ${one.backend}; the plan has ${plan.backends}, from 0 on`,
        );
    }
  });

/** Checks a plan that came from a file: of its own, or within what a run wrote about itself. Never throws. */
export function readPlan(value: unknown): PlanResult {
  const within = typeof value === 'object' && value !== null && 'plan' in value;
  const parsed = schema.safeParse(within ? value.plan : value, { error: describeIssue });
  if (parsed.success) return { ok: true, plan: parsed.data };
  const faults = faultsOf(parsed.error).map(({ path, message }) => ({
    path: path === 'configuration' ? 'plan' : `${within ? 'plan.' : ''}${path}`,
    message,
  }));
  return { ok: false, faults };
}

/** As `readPlan`, of a file. */
export function loadPlan(path: string): PlanResult {
  const unreadable = (message: string): PlanResult => ({ ok: false, faults: [{ path, message }] });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return unreadable(`cannot be read (${code}); name a file that --json or --minimize wrote`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return unreadable(`is no valid JSON: ${(error as Error).message}`);
  }
  const result = readPlan(value);
  if (result.ok) return result;
  return { ok: false, faults: result.faults.map((one) => ({ ...one, path: `${path}: ${one.path}` })) };
}

const HOST_FIELDS: ReadonlySet<string> = new Set(['host', 'as', 'from', 'to', 'a', 'b', 'side']);

function hostsNamed(name: string, value: unknown): readonly string[] {
  if (!HOST_FIELDS.has(name)) return [];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value : [];
}
