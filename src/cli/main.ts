import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot } from '../native/package-root.js';
import { DEFAULT_API } from './api-client.js';
import { CommandFailure, EXIT_FAILURE, EXIT_USAGE } from './failure.js';
import { keepYoungHeapSmall } from './memory.js';
import type { RawSimOptions } from './sim-options.js';

const DESCRIPTION = `Internal load balancer: gives a fleet of Linux machines service addresses (VIPs).
One daemon runs on every machine; it places each new connection to a VIP on a backend,
and the kernel carries it from there.`;

const AFTER_HELP = `
First steps:
  $ minuteman check-config /etc/minuteman/minuteman.yaml
  $ minuteman agent --config /etc/minuteman/minuteman.yaml     (as root; logs JSON to stdout)
  $ minuteman vips                                             (in another terminal)
examples/minuteman.yaml is a commented configuration.

Exit status: 0 success, 1 failure at run time, 2 wrong usage or configuration.`;

const SIM_HELP = `
The last line of the output is for tools; violations are printed as they come. Ctrl-C ends the run
early and still writes what there is. Exit status: 1 if a promise was broken.

  $ minuteman sim --seed 7 --nodes 40 --duration 60 --report run.html
  $ minuteman sim --seed 7 --minimize small.json
  $ minuteman sim --replay small.json --trace small.trace`;

function packageVersion(): string {
  const file = join(packageRoot(), 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}

/**
 * The commands. Each loads what it needs when it runs, so that the daemon does not carry the client and a
 * short command starts fast. The answer is the exit status; `print` writes to standard output.
 */
function commands(print: (text: string) => void, finish: (exitCode: number) => void): Command {
  const version = packageVersion();
  const program = new Command('minuteman')
    .description(DESCRIPTION)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help, or that of a command')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(minuteman --help lists commands and options)')
    .exitOverride();
  const api = '--api <url>';
  const apiText = 'address of the API of the daemon to ask';

  program
    .command('agent')
    .description('run the daemon; SIGTERM ends it and removes its rules')
    .requiredOption('-c, --config <file>', 'configuration, YAML or JSON')
    .action(async ({ config }: { config: string }) => {
      keepYoungHeapSmall();
      const { agentCommand } = await import('./agent-command.js');
      await agentCommand(config, version);
    });

  program
    .command('check-config')
    .description('check a configuration; print it as JSON with all defaults, or a line for each fault')
    .argument('<file>', 'configuration, YAML or JSON')
    .action(async (file: string) => {
      const { loadConfigOrFail } = await import('./config-file.js');
      const { describeConfig } = await import('./config.js');
      print(`${JSON.stringify(describeConfig(loadConfigOrFail(file)), null, 2)}\n`);
    });

  program
    .command('vips')
    .description('list the VIPs of the running daemon, or those in a Mesos state document')
    .option('--json', 'print JSON')
    .option(
      '--mesos-state <file>',
      'read this document, captured from a Mesos master, instead of asking a daemon',
    )
    .option(api, apiText, DEFAULT_API)
    .action(async (options: { json?: boolean; mesosState?: string; api: string }) => {
      const json = options.json === true;
      if (options.mesosState !== undefined) {
        const { mesosStateVips } = await import('./mesos-state-vips.js');
        finish(await mesosStateVips(options.mesosState, { json }));
        return;
      }
      const { askVips } = await import('./ask.js');
      print(await askVips({ api: options.api, json }));
    });

  program
    .command('status')
    .description('show how the running daemon does: sources, queues, what it lacks; fails if it is not well')
    .option('--json', 'print JSON')
    .option(api, apiText, DEFAULT_API)
    .action(async (options: { json?: boolean; api: string }) => {
      const { askStatus, UnhealthyNode } = await import('./ask.js');
      try {
        print(await askStatus({ api: options.api, json: options.json === true }));
      } catch (error) {
        if (error instanceof UnhealthyNode) print(error.text);
        throw error;
      }
    });

  program
    .command('members')
    .description('list the nodes the running daemon knows')
    .option('--json', 'print JSON')
    .option(api, apiText, DEFAULT_API)
    .action(async (options: { json?: boolean; api: string }) => {
      const { askMembers } = await import('./ask.js');
      print(await askMembers({ api: options.api, json: options.json === true }));
    });

  program
    .command('teardown')
    .description('remove the rules, sets and connection entries a dead daemon left; cuts connections to VIPs')
    .option('-c, --config <file>', 'configuration of that daemon, if its ipset is not the default')
    .action(async ({ config }: { config?: string }) => {
      const { teardownCommand } = await import('./teardown-command.js');
      print(await teardownCommand(config));
    });

  program
    .command('sim')
    .description('run a fleet in a simulated world; the same seed gives the same run')
    .option('--seed <n>', 'what all chance is drawn from (default: 1)')
    .option('--nodes <n>', 'machines (default: 5)')
    .option('--duration <time>', 'simulated time: seconds, or 90s, 5m, 1h (default: 60s)')
    .option('--scenario <name>', 'what goes wrong; see --list-scenarios (default: everything)')
    .option('--vips <n>', 'VIPs (default: one for two nodes)')
    .option('--backends <n>', 'backends of all VIPs (default: 4 for a node)')
    .option('--connections <rate>', 'new connections per second, of all clients (default: 5/s for a node)')
    .option('--mesh', 'the daemons form a mesh (default: by the scenario and the seed)')
    .option('--no-mesh', 'each daemon runs alone')
    .option('--replay <file>', 'run the plan in this file, which --json or --minimize wrote')
    .option('--json <file>', 'write the plan and what came of it')
    .option('--trace <file>', 'write everything that happens, a line of JSON each')
    .option('--report <file.html>', 'write a page that shows the run')
    .option(
      '--minimize [file]',
      'if a promise is broken, look for a smaller plan that breaks it and write that',
    )
    .option('--list-scenarios', 'list the scenarios')
    .addHelpText('after', SIM_HELP)
    .action(async (options: RawSimOptions) => {
      const { simCommand } = await import('./sim-command.js');
      finish(await simCommand(options, print));
    });

  program
    .command('keygen')
    .description('print a fresh mesh key; all nodes of a mesh share one')
    .action(async () => {
      const { generateKey } = await import('../mesh/key-file.js');
      print(`${generateKey()}\n`);
    });

  return program;
}

/** Runs the command line; answers the exit status, or never for the daemon. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = commands(
    (text) => process.stdout.write(text),
    (code) => {
      exitCode = code;
    },
  );
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (CommandFailure.is(error)) {
      for (const line of error.lines) process.stderr.write(`${line}\n`);
      return error.exitCode;
    }
    process.stderr.write(`minuteman: ${(error as Error).stack ?? String(error)}\n`);
    return EXIT_FAILURE;
  }
}
