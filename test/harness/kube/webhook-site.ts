import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { openRelay } from '../../net/open-relay.ts'
import { freePort } from '../free-port.ts'
import type { Journey } from '../journey.ts'
import { projectDirectory } from '../project-directory.ts'
import { startRestartable, type Restartable } from '../restartable.ts'
import { spawnStowage } from '../stowage.ts'
import { applyDefinitions, namespace } from './cluster-site.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { startKubeApi, type KubeApi } from './start-kube-api.ts'

/** The names of all objects of the webhook in the plain manifests. */
export const webhookServer = 'kubefledged-webhook-server'
/** Where it keeps its certificates. */
export const webhookSecret = `${webhookServer}-certificates`

const manifests = path.join(projectDirectory, 'deploy/manifests')

/** A cluster with the Service of the webhook, and nobody behind it yet. */
export interface WebhookSite extends AsyncDisposable {
  readonly kube: KubeApi
  /** Applies all plain manifests, as people are told to. */
  applyManifests(): Promise<void>
  /** Applies the webhook configuration of the plain manifests, with this failurePolicy. */
  applyConfiguration(failurePolicy: 'Fail' | 'Ignore'): Promise<void>
  /** Starts `stowage webhook` with the rights that the manifests give it; the Service leads to it as long as it runs. */
  start(...flags: readonly string[]): Promise<Restartable>
  /** Lets it be looked at whether an object would be accepted. @throws Error with what kubectl says */
  tryCreate(object: object): Promise<void>
}

/** Starts an API server, and what kube-proxy would do for the one Service. */
export async function openWebhookSite(journey: Journey): Promise<WebhookSite> {
  await using opening = new AsyncDisposableStack()
  const kube = opening.use(await startKubeApi({ directory: journey.at('kube') }))
  await applyDefinitions(kube)
  await kube.kubectl('create', 'namespace', namespace)
  const applyManifests = async (): Promise<void> => {
    await kube.kubectl('apply', '--server-side', '--filename', manifests)
  }
  await applyManifests()
  const configuration = await kube.get<Configuration>('validatingwebhookconfiguration', webhookServer)
  const { metadata: _, webhooks, ...rest } = configuration
  await kube.kubectl('delete', 'validatingwebhookconfiguration', webhookServer)
  const { spec } = await kube.get<{ spec: { clusterIP: string } }>('service', webhookServer, '--namespace', namespace)
  const ports = new Map<Restartable, number>()
  let turn = 0
  const relay = await openRelay({ host: spec.clusterIP, port: 3443 }, () => {
    const living = [...ports].filter(([replica]) => replica.isRunning())
    const [, port] = living[turn++ % living.length] ?? []
    return port === undefined ? undefined : { host: '127.0.0.1', port }
  })
  opening.use(relay)
  const kubeconfig = path.join(kube.files.directory, 'webhook.kubeconfig')
  const token = await kube.kubectl('create', 'token', webhookServer, '--namespace', namespace)
  await writeKubeconfig(kubeconfig, { server: kube.url, token })
  const opened = opening.move()

  return {
    kube,

    applyManifests,

    applyConfiguration(failurePolicy) {
      const changed = webhooks.map((webhook) => ({ ...webhook, failurePolicy }))
      return kube.apply({ ...rest, metadata: { name: webhookServer }, webhooks: changed })
    },

    async start(...flags) {
      const port = await freePort()
      const at = ['--kubeconfig', kubeconfig, '--namespace', namespace, '--listen', `127.0.0.1:${port}`]
      const args = ['--log-format', 'json', 'webhook', ...at, '--linger', '0s', ...flags]
      const outputFile = journey.at(`webhook-${port}.log`)
      const replica = await startRestartable(
        () => spawnStowage(args, { outputFile }),
        (program) => program.waitForLine(/"msg":"listening"/),
      )
      ports.set(replica, port)
      return opened.use(replica)
    },

    async tryCreate(object) {
      const file = journey.at('tried.json')
      await writeFile(file, JSON.stringify(object))
      await kube.kubectl('create', '--dry-run=server', '--filename', file)
    },

    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

interface Configuration {
  readonly metadata: object
  readonly webhooks: readonly object[]
}
