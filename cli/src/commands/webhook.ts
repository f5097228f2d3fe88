import { parseDuration } from '@stowage/mirror/duration'
import { openWebhookKeeper } from '@stowage/controller/kube/webhook/open-webhook-keeper'
import { followCertificateFiles, readCertificateFiles } from '@stowage/mirror/server/tls/certificate-files'
import type { KeyPair } from '@stowage/mirror/server/tls/key-pair'
import { defaultLifetimes } from '@stowage/controller/webhook/plan-certificates'
import { createWebhookServer } from '@stowage/controller/webhook/webhook-server'
import { Fault } from '@stowage/mirror/oci/fault'
import { parseListenAddress, type ListenAddress } from '@stowage/mirror/server/listen-address'
import { runAll } from '@stowage/node-agent/run-all'
import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { warnOfLogFlags, withWebhookServerOptions } from '../kube-fledged-flags.ts'
import { eachParsedBy, option, parsedBy } from '../option.ts'

interface WebhookFlags {
  readonly listen: ListenAddress
  /** Of kube-fledged. */
  readonly port?: string
  readonly initServer?: string | true
  readonly strict?: boolean
  readonly service: string
  readonly servicePort: number
  readonly namespace?: string
  readonly configuration: string
  readonly takeOver?: readonly string[]
  readonly secret?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly kubeconfig?: string
  readonly master?: string
  readonly authorityLifetime: number
  readonly certificateLifetime: number
  readonly settle: number
  readonly linger: number
}

/** `stowage webhook`: the admission server. */
export function webhookCommand(context: CommandContext): Command {
  const command = new Command('webhook')
    .description('Answer the API servers of a cluster whether an ImageCache may be written.')
    .addOption(
      option('--listen <address>', 'HOST:PORT to listen on, with TLS; :PORT for all interfaces')
        .argParser(parsedBy(parseListenAddress))
        .default({ host: '::', port: 8443 } satisfies ListenAddress, ':8443'),
    )
    .addOption(option('--strict', 'refuse also the edits that kube-fledged refused and Stowage can carry out'))
    .addOption(
      option('--service <name>', 'the Service of this webhook (also WEBHOOK_SERVER_SERVICE)').default(
        context.env['WEBHOOK_SERVER_SERVICE'] ?? 'kubefledged-webhook-server',
      ),
    )
    .addOption(option('--service-port <port>', 'of the Service').argParser(parsedBy(parsePort)).default(3443))
    .addOption(
      option(
        '--namespace <namespace>',
        'of the Service (default: KUBEFLEDGED_NAMESPACE, or that of this pod or of the kubeconfig)',
      ),
    )
    .addOption(
      option(
        '--configuration <name>',
        'the ValidatingWebhookConfiguration of this webhook (also VALIDATING_WEBHOOK_CONFIG)',
      ).default(context.env['VALIDATING_WEBHOOK_CONFIG'] ?? 'kubefledged-webhook-server'),
    )
    .addOption(
      option(
        '--take-over <name>',
        'configurations that kube-fledged may have left; may be repeated (default: those of its manifests and its chart)',
      ).argParser(eachParsedBy((text: string) => text)),
    )
    .addOption(option('--secret <name>', 'where all replicas keep their certificates (default: SERVICE-certificates)'))
    .addOption(option('--cert-file <file>', 'a certificate of yours, read again when it changes; none is made then'))
    .addOption(option('--key-file <file>', 'its key'))
    .addOption(
      option('--kubeconfig <file>', 'how to reach the cluster (default: KUBECONFIG, or the cluster that this runs in)'),
    )
    .addOption(option('--master <url>', 'the API server, instead of the one that the kubeconfig names'))
  return withWebhookServerOptions(withLifetimes(command)).action((flags: WebhookFlags) =>
    runWebhook(context, flags, command),
  )
}

function withLifetimes(command: Command): Command {
  const { authorityMs, servingMs, settleMs } = defaultLifetimes
  const duration = (flags: string, description: string, ms: number): ReturnType<typeof option> =>
    option(flags, description)
      .argParser(parsedBy(parseDuration))
      .default(ms, `${ms / 3600_000}h`)
      .hideHelp()
  return command
    .addOption(duration('--authority-lifetime <duration>', 'how long an authority is valid', authorityMs))
    .addOption(duration('--certificate-lifetime <duration>', 'how long a certificate is valid', servingMs))
    .addOption(duration('--settle <duration>', 'until all API servers know a new authority', settleMs))
    .addOption(duration('--linger <duration>', 'how long it serves after it was told to stop', 5000))
}

async function runWebhook(context: CommandContext, flags: WebhookFlags, command: Command): Promise<void> {
  const log = await context.log()
  warnOfLogFlags(command, log)
  if (flags.initServer !== undefined && flags.initServer !== 'false') {
    // An init container of kube-fledged, which is to come to its end.
    log.warn({ flag: '--init-server' }, 'not needed: the webhook itself makes its certificates')
    return
  }
  const { strict = false } = flags
  const listen = flags.port === undefined ? flags.listen : parseListenAddress(`:${parsePort(flags.port)}`)
  const server = createWebhookServer({ listen, strict, lingerMs: flags.linger, log })
  const files = filesOf(flags)
  if (files) await readCertificateFiles(files)
  const onPair = (pair: KeyPair): void => server.use(pair)
  using keeper = openKeeper(context, flags, { onPair, log, isOurs: !files })
  const loops = [
    (signal: AbortSignal) => server.run(signal),
    ...(keeper ? [(signal: AbortSignal) => keeper.run(signal)] : []),
    ...(files ? [(signal: AbortSignal) => followCertificateFiles(files, { onPair, log }, signal)] : []),
  ]
  await runAll(loops, context.signal)
}

type KeeperOptions = Parameters<typeof openWebhookKeeper>[0]

function openKeeper(
  { env, version }: CommandContext,
  flags: WebhookFlags,
  { isOurs, ...rest }: Pick<KeeperOptions, 'onPair' | 'log'> & { readonly isOurs: boolean },
): ReturnType<typeof openWebhookKeeper> | undefined {
  const kubeconfig = flags.kubeconfig ?? env['KUBECONFIG']
  const isInCluster = env['KUBERNETES_SERVICE_HOST'] !== undefined
  // With a certificate of their own people may run it where no cluster can be reached.
  if (!isOurs && kubeconfig === undefined && flags.master === undefined && !isInCluster) return undefined
  return openWebhookKeeper({
    ...rest,
    kubeconfig,
    master: flags.master,
    isInCluster,
    userAgent: `stowage/${version}`,
    service: {
      name: flags.service,
      port: flags.servicePort,
      namespace: flags.namespace ?? env['KUBEFLEDGED_NAMESPACE'],
    },
    secret: isOurs ? (flags.secret ?? `${flags.service}-certificates`) : undefined,
    configuration: flags.configuration,
    takeOver: flags.takeOver ?? ['kubefledged-webhook-server', 'kube-fledged-webhook-server'],
    lifetimes: {
      authorityMs: flags.authorityLifetime,
      servingMs: flags.certificateLifetime,
      settleMs: flags.settle,
    },
  })
}

/** @throws Fault invalid */
function filesOf({ certFile, keyFile }: WebhookFlags): { certificate: string; key: string } | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile !== undefined && keyFile !== undefined) return { certificate: certFile, key: keyFile }
  throw new Fault('invalid', '--cert-file and --key-file belong together: give both, or none')
}

/** @throws Fault invalid */
function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= 65_535) return port
  throw new Fault('invalid', `"${text}" is not a port: a number from 1 to 65535`)
}
