import { temporarySetName } from '../../src/core/data-plane/set-names.js';
import { type Endpoint, parseEndpoint } from '../../src/core/endpoint.js';
import { nativeKernel } from '../../src/native/kernel.js';
import { type Teardown, teardown } from '../../src/native/teardown.js';
import { runTool } from '../../src/native/tool.js';
import type { FirewallPlan, FirewallResult, RuleName } from '../../src/ports/firewall.js';
import { answerOf } from '../conformance/case.js';

/* What a daemon does, step by step, each step to be called inside a namespace of the test bed. */

export const PLAN: FirewallPlan = { ipset: 'minuteman', firstQueue: 50, queues: 2 };

export interface Step {
  readonly iptables: string;
}

/** Sets the rules and the VIPs; answers what the first answered. */
export async function intercept(
  step: Step & { readonly vips: readonly string[] },
): Promise<FirewallResult<readonly RuleName[]>> {
  const { firewall, addressSet } = nativeKernel(step);
  const ensured = await answerOf<FirewallResult<readonly RuleName[]>>((done) => firewall.ensure(PLAN, done));
  if (!ensured.ok) return ensured;
  const replaced = await answerOf<FirewallResult<void>>((done) =>
    addressSet.replace(PLAN.ipset, step.vips.map(endpointOf), done),
  );
  return replaced.ok ? ensured : replaced;
}

/** Places the connection that `client` will make to `vip` with `backend`. */
export function place(
  step: Step & { readonly client: string; readonly vip: string; readonly backend: string },
): string | undefined {
  const [outcome] = nativeKernel(step).conntrack.map([
    {
      client: endpointOf(step.client),
      vip: endpointOf(step.vip),
      backend: endpointOf(step.backend),
      source: undefined,
    },
  ]);
  return outcome?.kind;
}

export function remove(step: Step & { readonly keepHooks: boolean }): Promise<FirewallResult<void>> {
  return answerOf((done) => nativeKernel(step).firewall.remove(PLAN, step.keepHooks, done));
}

/** A daemon that beats but never decides: it holds the queues until it is killed, and says `holding`. */
export async function holdQueues(step: Step): Promise<void> {
  const { queues, firewall } = nativeKernel(step);
  for (let i = 0; i < PLAN.queues; i++) queues.open(PLAN.firstQueue + i).receive(() => {});
  if (!firewall.heartbeat(PLAN)) throw new Error('no heart to beat');
  console.log('holding');
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    firewall.heartbeat(PLAN);
  }
}

/** Inspects the rules `count` times one after the other; answers every answer that was an error. */
export async function ensureOften(step: Step & { readonly count: number }): Promise<readonly string[]> {
  const { firewall } = nativeKernel(step);
  const errors: string[] = [];
  for (let i = 0; i < step.count; i++) {
    const result = await answerOf<FirewallResult<readonly RuleName[]>>((done) => firewall.ensure(PLAN, done));
    if (!result.ok) errors.push(`${result.code}: ${result.message}`);
  }
  return errors;
}

export function opening(step: Step): string {
  try {
    nativeKernel(step);
    return 'opened';
  } catch (error) {
    return (error as Error).message;
  }
}

function endpointOf(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) throw new Error(`${text} is no endpoint`);
  return endpoint;
}

/** Leaves what a replacement of the VIPs leaves that was killed half-way. */
export async function leaveHalfReplaced(): Promise<void> {
  const input = `create ${temporarySetName(PLAN.ipset)} hash:ip,port\n`;
  const run = await runTool('ipset', ['restore'], { input });
  if (run.code !== 0) throw new Error(run.stderr);
}

export function tearDown(step: { readonly ipset: string }): Promise<Teardown> {
  return teardown(step.ipset);
}
