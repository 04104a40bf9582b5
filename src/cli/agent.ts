import { type Node, type NodeSettings, startNode } from '../actors/node.js';
import { Api } from '../api/server.js';
import type { LeaseDesk } from '../core/leases.js';
import type { Log } from '../ports/log.js';
import type { World } from '../ports/world.js';
import type { Config } from './config.js';
import { CommandFailure, EXIT_FAILURE } from './failure.js';
import type { Lifetime } from './lifetime.js';

/** What the node's actors need of the configuration. */
function nodeSettings({ dataPlane, balancer, mesh }: Config): NodeSettings {
  const { ipset, firstQueue, queues, keepRulesOnExit, masquerade } = dataPlane;
  return { plan: { ipset, firstQueue, queues }, keepRulesOnExit, masquerade, balancer, mesh };
}

/** What an agent has beside its world. */
export interface AgentParts {
  readonly leases?: LeaseDesk | undefined;
  /** Lets go of what the world was made of, when the node needs it no longer. */
  readonly release?: (() => Promise<void>) | undefined;
}

/**
 * Starts a node in `world` and its API; `lifetime` ends them. The API answers from the start, so that
 * operators can see what a node that is not ready lacks; `ready` is logged once both serve. When the API
 * cannot listen the node is stopped again, and the error says why. */
export async function runAgent(
  config: Config,
  version: string,
  world: World,
  log: Log,
  lifetime: Lifetime,
  { leases, release = async () => {} }: AgentParts = {},
): Promise<void> {
  let served: string | undefined;
  let nodeReady = false;
  const announce = (): void => {
    if (served === undefined || !nodeReady || lifetime.ending) return;
    const { name } = config.node;
    log.event('info', 'ready', `${name} serves, API at ${served}`, {
      name,
      version,
      api: served,
      pid: process.pid,
    });
  };
  const node = startNode(world, nodeSettings(config), {
    onReady: () => {
      nodeReady = true;
      announce();
    },
    onExit: ({ path, error }) => lifetime.fail('escalated', error, { actor: path }),
  });
  const api = new Api(node.status, { ...config.api, node: config.node, version }, log, leases);
  lifetime.onStop(async () => {
    await stopNode(node);
    await release();
    await api.close();
  });
  try {
    served = await api.listen();
  } catch (error) {
    await stopNode(node);
    await release();
    throw new CommandFailure(EXIT_FAILURE, (error as Error).message);
  }
  announce();
}

function stopNode(node: Node): Promise<void> {
  return new Promise((done) => node.stop(done));
}
