import { openElection } from '@stowage/controller/kube/lease/open-election'
import { openCluster } from '@stowage/controller/kube/open-cluster'
import { Fault } from '@stowage/mirror/oci/fault'
import { Command } from 'commander'
import { withCentreOptions, type CentreFlags } from '../centre-options.ts'
import { withStoreOptions } from '../centre-store.ts'
import type { CommandContext } from '../command-context.ts'
import { isBucket } from '../data-store.ts'
import { warnOfKubeFledged, withKubeFledgedOptions } from '../kube-fledged-flags.ts'
import { electionOptions, withLeaderOptions, type LeaderFlags } from '../leader-options.ts'
import { option } from '../option.ts'
import { runCentre } from '../run-centre.ts'

interface ControllerFlags extends CentreFlags, LeaderFlags {
  readonly kubeconfig?: string
  readonly master?: string
}

/** `stowage controller`: the centre in a cluster. */
export function controllerCommand(context: CommandContext): Command {
  const command = new Command('controller')
    .description(
      'Run a centre whose wishes are the ImageCaches of a Kubernetes cluster, and which writes down there how far they are.',
    )
    .addOption(
      option('--kubeconfig <file>', 'how to reach the cluster (default: KUBECONFIG, or the cluster that this runs in)'),
    )
    .addOption(option('--master <url>', 'the API server, instead of the one that the kubeconfig names'))
  return withKubeFledgedOptions(withLeaderOptions(withCentreOptions(withStoreOptions(command))))
    .addHelpText('after', notes)
    .action((flags: ControllerFlags) => runController(context, flags, command))
}

const notes = `
Flags and variables of kube-fledged's controller are accepted, also with one hyphen; what belongs to its Jobs has no effect.`

async function runController(context: CommandContext, flags: ControllerFlags, command: Command): Promise<void> {
  const { env, version } = context
  warnOfKubeFledged(command, { env, log: await context.log() })
  const cluster = {
    kubeconfig: flags.kubeconfig ?? env['KUBECONFIG'],
    master: flags.master,
    isInCluster: env['KUBERNETES_SERVICE_HOST'] !== undefined,
    userAgent: `stowage/${version}`,
  }
  // A directory has one process anyway.
  const isElected = flags.leaderElect ?? flags.mirror !== undefined
  if (isElected && isBucket(flags.data)) {
    throw new Fault(
      'invalid',
      'several controllers share a mirror over the bucket (--mirror URL), not the bucket itself',
    )
  }
  using election = isElected
    ? openElection({ ...cluster, ...electionOptions(context, flags), log: await context.log() })
    : undefined
  await runCentre(context, flags, { openSource: (options) => openCluster({ ...cluster, ...options }), election })
}
