import { locateTools, requireLock } from '../native/tools.js';
import { KernelError } from '../ports/kernel-error.js';
import { CommandFailure, EXIT_FAILURE } from './failure.js';
import { InstanceGuard } from './instance-guard.js';
import { preflight, thisHost } from './preflight.js';

/**
 * The right to program the kernel of this network namespace, for `holder`. Fails before anything is
 * touched, with a line for each thing that keeps the data plane from working here.
 */
export async function claimKernel(holder: string): Promise<InstanceGuard> {
  const faults = preflight(thisHost(() => requireLock(locateTools())));
  if (faults.length > 0) throw new CommandFailure(EXIT_FAILURE, ...faults);
  return InstanceGuard.acquire(holder);
}

/** What the kernel refuses ends the command with its message; anything else is a fault of ours. */
export function orFail<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof KernelError) throw new CommandFailure(EXIT_FAILURE, error.message);
    throw error;
  }
}
