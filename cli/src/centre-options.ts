import type { Command } from 'commander'
import type { StoreFlags } from './centre-store.ts'
import { withGcOptions, type GcFlags } from './gc-options.ts'
import { metricsOption, type MetricsFlags } from './metrics/metrics-option.ts'
import { withListenerOptions, type ListenerFlags } from './listener/listener-options.ts'
import { parseDuration } from '@stowage/mirror/duration'
import { caFileOption } from './network-settings.ts'
import type { MachineCredentialFlags } from './open-registry.ts'
import { operatorTokenOption, type OrderFlags } from './operations/take-orders.ts'
import { eachParsedBy, option, parsedBy } from './option.ts'
import { withScrubOptions, type ScrubFlags } from './scrub-options.ts'

/** What every centre is told, wherever its wishes come from. */
export interface CentreFlags
  extends MachineCredentialFlags, StoreFlags, MetricsFlags, ListenerFlags, GcFlags, ScrubFlags, OrderFlags {
  readonly imageCacheRefreshFrequency: number
  readonly insecureRegistry?: readonly string[]
}

/** Adds the options of a centre to a command. */
export function withCentreOptions(command: Command): Command {
  return withScrubOptions(withGcOptions(withListenerOptions(command)))
    .addOption(metricsOption())
    .addOption(
      option('--image-cache-refresh-frequency <duration>', 'how often tags are looked up again; 0s for never')
        .argParser(parsedBy(parseDuration))
        .default(parseDuration('15m'), '15m'),
    )
    .addOption(
      option(
        '--insecure-registry <host[:port]>',
        'a registry without TLS or without a certificate to trust; may be repeated',
      ).argParser(eachParsedBy((text: string) => text)),
    )
    .addOption(operatorTokenOption())
    .addOption(caFileOption())
    .addOption(
      option(
        '--docker-config <file>',
        'credentials of this machine (default: config.json of DOCKER_CONFIG or ~/.docker)',
      ),
    )
    .addOption(
      option(
        '--image-credential-provider-config <file>',
        "the kubelet's CredentialProviderConfig: plugins that give credentials",
      ),
    )
    .addOption(option('--image-credential-provider-bin-dir <directory>', 'where these plugins lie'))
}
