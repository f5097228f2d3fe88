import { hostname } from 'node:os'
import { parseDuration } from '@stowage/mirror/duration'
import type { OpenElectionOptions } from '@stowage/controller/kube/lease/open-election'
import { Fault } from '@stowage/mirror/oci/fault'
import { formatListenAddress, parseListenAddress, type ListenAddress } from '@stowage/mirror/server/listen-address'
import type { Command } from 'commander'
import type { CommandContext } from './command-context.ts'
import { option, parsedBy } from './option.ts'

/** What a controller is told about the others of its kind. */
export interface LeaderFlags {
  readonly leaderElect?: boolean
  readonly leaderElectLeaseDuration: number
  readonly leaderElectRenewDeadline: number
  readonly leaderElectRetryPeriod: number
  readonly leaderElectResourceName: string
  readonly leaderElectResourceNamespace?: string
  readonly advertise?: ListenAddress
}

/** Adds the flags of an election, with the names that Kubernetes' own components have. */
export function withLeaderOptions(command: Command): Command {
  return command
    .addOption(
      option('--leader-elect [boolean]', 'whether one of several controllers leads (default: with --mirror)')
        .argParser(parsedBy(parseBoolean))
        .preset('true'),
    )
    .addOption(
      option('--leader-elect-lease-duration <duration>', 'so long a leader is waited for that is not heard of')
        .argParser(parsedBy(parseDuration))
        .default(parseDuration('15s'), '15s'),
    )
    .addOption(
      option('--leader-elect-renew-deadline <duration>', 'a leader that could not say for so long that it lives ends')
        .argParser(parsedBy(parseDuration))
        .default(parseDuration('10s'), '10s'),
    )
    .addOption(
      option('--leader-elect-retry-period <duration>', 'between two looks at who leads')
        .argParser(parsedBy(parseDuration))
        .default(parseDuration('2s'), '2s'),
    )
    .addOption(option('--leader-elect-resource-name <name>', 'of the Lease').default('stowage-controller'))
    .addOption(option('--leader-elect-resource-namespace <namespace>', 'of the Lease (default: that of this pod)'))
    .addOption(
      option(
        '--advertise <host:port>',
        'where the other controllers reach this one (default: POD_IP or the host of --listen, with its port)',
      ).argParser(parsedBy(parseListenAddress)),
    )
}

/** What an election is opened with. */
export function electionOptions(
  { env }: Pick<CommandContext, 'env'>,
  flags: LeaderFlags & { readonly listen: ListenAddress },
): Pick<OpenElectionOptions, 'namespace' | 'name' | 'hostname' | 'address' | 'timing'> {
  const advertised = flags.advertise ?? ownAddress(flags.listen, env['POD_IP'])
  return {
    name: flags.leaderElectResourceName,
    namespace: flags.leaderElectResourceNamespace,
    hostname: env['POD_NAME'] ?? hostname(),
    address: advertised && formatListenAddress(advertised),
    timing: {
      leaseDurationMs: flags.leaderElectLeaseDuration,
      renewDeadlineMs: flags.leaderElectRenewDeadline,
      retryPeriodMs: flags.leaderElectRetryPeriod,
    },
  }
}

/** Nobody is reached at an address that stands for all of a machine's. */
function ownAddress({ host, port }: ListenAddress, podIp: string | undefined): ListenAddress | undefined {
  if (podIp) return { host: podIp, port }
  return ['::', '0.0.0.0'].includes(host) ? undefined : { host, port }
}

function parseBoolean(text: string): boolean {
  if (/^(?:true|1)$/i.test(text)) return true
  if (/^(?:false|0)$/i.test(text)) return false
  throw new Fault('invalid', `"${text.slice(0, 50)}" is neither true nor false`)
}
