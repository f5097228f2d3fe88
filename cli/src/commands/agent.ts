import { parseNodeName } from '@stowage/mirror/edge/node-name'
import { longestHoldMs } from '@stowage/mirror/edge/paths'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import { openTransport } from '@stowage/mirror/registry/transport'
import { createAgent, defaultAgentPace } from '@stowage/node-agent/agent'
import { createCentreClient } from '@stowage/node-agent/centre/centre-client'
import { defaultSyncLimits } from '@stowage/node-agent/sync/open-image-sync'
import { Command } from 'commander'
import { centralOption } from '../centre-client.ts'
import type { CommandContext } from '../command-context.ts'
import { parseDuration } from '@stowage/mirror/duration'
import { parseLabel } from '../label.ts'
import { openDataDirectory } from '../lock/data-directory.ts'
import { caFileOption, readNetworkSettings } from '../network-settings.ts'
import { eachParsedBy, option, parsedBy } from '../option.ts'
import { openNamedRuntime, withRuntimeOptions, type RuntimeFlags } from '../runtime-options.ts'

interface AgentFlags extends RuntimeFlags {
  readonly central: string
  readonly node: string
  readonly label?: readonly (readonly [string, string])[]
  readonly data: string
  readonly contactEvery: number
  readonly stallTimeout: number
  readonly caFile?: string
}

/** `stowage agent`: keeps the images of one node. */
export function agentCommand(context: CommandContext): Command {
  const command = new Command('agent')
    .description('Keep the images of this node as its centre wants them, link or no link.')
    .addOption(centralOption())
    .addOption(
      option('--node <name>', 'name of this node, as the centre knows it')
        .argParser(parsedBy(parseNodeName))
        .makeOptionMandatory(),
    )
    .addOption(
      option(
        '--label <key=value>',
        'what selectors may ask for, besides kubernetes.io/hostname, /os and /arch; may be repeated',
      ).argParser(eachParsedBy(parseLabel)),
    )
    .addOption(option('--data <directory>', 'what the agent remembers, and half-fetched layers').makeOptionMandatory())
  return withRuntimeOptions(command)
    .addOption(
      option('--contact-every <duration>', 'the longest silence towards the centre')
        .argParser(parsedBy(parseDuration))
        .default(defaultAgentPace.contactEveryMs, '15s'),
    )
    .addOption(
      option('--stall-timeout <duration>', 'a transfer without a byte for so long is begun anew from where it stopped')
        .argParser(parsedBy(parseDuration))
        .default(defaultSyncLimits.stallMs, '30s'),
    )
    .addOption(caFileOption())
    .addHelpText(
      'after',
      '\nExample:\n  stowage agent --central http://centre:5080 --node shop-1 --label tier=till --data /var/lib/stowage --runtime containerd',
    )
    .action((flags: AgentFlags) => runAgent(context, flags))
}

async function runAgent(context: CommandContext, flags: AgentFlags): Promise<void> {
  const log = (await context.log()).child({ node: flags.node })
  const settings = await readNetworkSettings(context, flags.caFile)
  await using directory = await openDataDirectory(flags.data, 'agent')
  await using opened = await openNamedRuntime(flags, log)
  const timeouts = { stallMs: flags.stallTimeout }
  await using source = createRegistryClient({ ...settings, registry: flags.central, timeouts })
  await using transport = openTransport({ ...settings, timeouts: { headersMs: longestHoldMs + 30_000 } })
  const agent = createAgent({
    node: flags.node,
    labels: Object.fromEntries(flags.label ?? []),
    version: context.version,
    dataDirectory: directory.path,
    ...opened,
    source,
    centre: createCentreClient({ central: flags.central, transport }),
    limits: { stallMs: flags.stallTimeout },
    pace: { contactEveryMs: flags.contactEvery },
    log,
  })
  log.info({ central: flags.central, runtime: opened.runtime.name }, 'agent started')
  await agent.run(context.signal)
  log.info('agent stopped')
}
