import type { LeaseDesk } from '../core/leases.js';
import { systemClock, systemRandom, systemTimers } from '../native/clock.js';
import { logGroup } from '../native/iptables-rules.js';
import { nativeKernel } from '../native/kernel.js';
import type { SourceEntry } from '../ports/world.js';
import { HttpLeases } from '../sources/http-leases.js';
import { openSource } from '../sources/open-source.js';
import { runAgent } from './agent.js';
import { joinMesh } from './agent-mesh.js';
import { claimKernel, orFail } from './claim-kernel.js';
import type { SourceConfig } from './config.js';
import { loadConfigOrFail } from './config-file.js';
import { Lifetime } from './lifetime.js';
import { createLog } from './log.js';

/** `minuteman agent`: starts the daemon on the real kernel; it goes on when this returns. */
export async function agentCommand(configFile: string, version: string): Promise<void> {
  const config = loadConfigOrFail(configFile);
  const { dataPlane } = config;
  const log = createLog();
  const lifetime = new Lifetime(log);
  if (dataPlane.enabled) await claimKernel(`node ${config.node.name}`);
  const kernel = dataPlane.enabled
    ? orFail(() => nativeKernel({ logGroup: logGroup(dataPlane) }))
    : undefined;
  const mesh = await joinMesh(config, systemClock, log);
  const sources = config.sources.map(sourceEntry);
  const world = {
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    log,
    kernel,
    sources,
    mesh: mesh?.access,
  };
  const parts = { leases: leaseDesk(sources), release: mesh?.stop };
  await runAgent(config, version, world, log, lifetime, parts);
}

/** Leases change when somebody asks for it or a time is up; that is told at once, and polling only makes sure. */
const LEASES_POLL_MS = 5_000;

function sourceEntry(config: SourceConfig): SourceEntry {
  switch (config.type) {
    case 'file': {
      const { pollIntervalMs, advertise } = config;
      return { source: openSource(config), pollIntervalMs, advertise };
    }
    case 'mesos-master':
      return { source: openSource(config), pollIntervalMs: config.pollIntervalMs };
    case 'mesos-agent': {
      const { pollIntervalMs, expiryMs } = config;
      return { source: openSource(config), pollIntervalMs, expiresAfterMs: expiryMs, advertise: true };
    }
    case 'http': {
      const source = new HttpLeases(config, systemClock, systemTimers);
      return { source, pollIntervalMs: LEASES_POLL_MS, advertise: true };
    }
  }
}

/** Where clients of the API register, if the configuration has a source for them. */
function leaseDesk(sources: readonly SourceEntry[]): LeaseDesk | undefined {
  for (const { source } of sources) if (source instanceof HttpLeases) return source;
  return undefined;
}
