import { Option, type Command } from 'commander'
import type { Logger } from 'pino'

/** Flags of kube-fledged's controller that mean something only for its Jobs, and why nothing comes of them. */
const jobFlags: Readonly<Record<string, string>> = {
  'image-pull-deadline-duration': 'an image may take as long as it needs, and an error is told at once',
  'image-pull-policy': 'a tag is looked up again at each refresh, and only what is new is fetched',
  'service-account-name': 'there are no Jobs',
  'image-delete-job-host-network': 'there are no Jobs',
  'job-priority-class-name': 'there are no Jobs',
  'job-retention-policy': 'there are no Jobs',
  'cri-socket-path': "the node's agent knows its runtime",
  'jobs-max-surge': 'there are no Jobs',
}

/** Flags of its logger (glog). */
const logFlags = [
  'stderrthreshold',
  'v',
  'vmodule',
  'logtostderr',
  'alsologtostderr',
  'log_dir',
  'log_backtrace_at',
] as const

const variables: Readonly<Record<string, string>> = {
  KUBEFLEDGED_NAMESPACE: 'ImageCaches of all namespaces count',
  KUBEFLEDGED_CRI_CLIENT_IMAGE: 'there are no Jobs',
  BUSYBOX_IMAGE: 'there are no Jobs',
}

const takenOver = ['image-cache-refresh-frequency', 'kubeconfig', 'master']
/** By command. */
const allFlags: Readonly<Record<string, readonly string[]>> = {
  controller: [...takenOver, ...Object.keys(jobFlags), ...logFlags],
  webhook: ['cert-file', 'key-file', 'port', 'init-server', ...logFlags],
}

/** Accepts what kube-fledged's manifests and values name, so that nobody has to edit them. */
export function withKubeFledgedOptions(command: Command): Command {
  for (const name of [...Object.keys(jobFlags), ...logFlags]) {
    command.addOption(new Option(`--${name} [value]`, 'of kube-fledged, without an effect').hideHelp())
  }
  return command
}

/** The same for its webhook server. */
export function withWebhookServerOptions(command: Command): Command {
  for (const name of ['port', 'init-server', ...logFlags]) {
    command.addOption(new Option(`--${name} [value]`, "of kube-fledged's webhook server").hideHelp())
  }
  return command
}

/** Go's flags may begin with one hyphen: `-stderrthreshold=INFO`. */
export function withGoFlags(args: readonly string[]): string[] {
  const command = Object.keys(allFlags).find((name) => args.includes(name)) ?? ''
  const flags = allFlags[command] ?? []
  return args.map((arg) => {
    const [, name = ''] = /^-([a-z][a-z_-]*)(?:=|$)/.exec(arg) ?? []
    return flags.includes(name) ? `-${arg}` : arg
  })
}

/** Says once of each flag and variable that nothing comes of it. */
export function warnOfKubeFledged(
  command: Command,
  { env, log }: { readonly env: Readonly<Record<string, string | undefined>>; readonly log: Logger },
): void {
  for (const option of command.options) {
    const flag = option.name()
    const isGiven = command.getOptionValueSource(option.attributeName()) === 'cli'
    const why = jobFlags[flag]
    if (isGiven && why !== undefined) log.warn({ flag: `--${flag}` }, `no effect: ${why}`)
  }
  warnOfLogFlags(command, log)
  for (const [variable, why] of Object.entries(variables)) {
    if (env[variable]) log.warn({ variable }, `no effect: ${why}`)
  }
}

/** Says once of each flag for glog that nothing comes of it. */
export function warnOfLogFlags(command: Command, log: Logger): void {
  for (const option of command.options) {
    const flag = option.name()
    const isGiven = command.getOptionValueSource(option.attributeName()) === 'cli'
    if (isGiven && logFlags.some((name) => name === flag))
      log.warn({ flag: `--${flag}` }, 'no effect: --log-level and --log-format say what is logged')
  }
}
