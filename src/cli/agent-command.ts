import { systemClock, systemRandom, systemTimers } from '../native/clock.js';
import { logGroup } from '../native/iptables-rules.js';
import { nativeKernel } from '../native/kernel.js';
import type { SourceEntry } from '../ports/world.js';
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
  const world = {
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    log,
    kernel,
    sources: config.sources.map(sourceEntry),
    mesh: mesh?.access,
  };
  await runAgent(config, version, world, log, lifetime, mesh?.stop);
}

function sourceEntry(config: SourceConfig): SourceEntry {
  switch (config.type) {
    case 'file':
    case 'mesos-master':
      return { source: openSource(config), pollIntervalMs: config.pollIntervalMs };
    default:
      throw new Error(`the configuration let a source of type ${config.type} pass, which is not available`);
  }
}
