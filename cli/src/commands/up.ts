import { openController } from '@stowage/controller/open-controller'
import { openUpstreamClients } from '@stowage/controller/mirroring/upstream-clients'
import { openDirectorySource } from '@stowage/controller/sources/directory/directory-source'
import { allowAll } from '@stowage/mirror/server/authorize'
import type { ListenAddress } from '@stowage/mirror/server/listen-address'
import { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { registryRoutes } from '@stowage/mirror/server/registry-routes'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { openFsStore } from '@stowage/mirror/store/fs-store'
import { runAll } from '@stowage/node-agent/run-all'
import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { parseDuration } from '../duration.ts'
import { expireUploads } from '../expire-uploads.ts'
import { openDataDirectory } from '../lock/data-directory.ts'
import { caFileOption, readNetworkSettings } from '../network-settings.ts'
import { machineCredentials, openRegistry } from '../open-registry.ts'
import { eachParsedBy, option, parsedBy } from '../option.ts'
import { serve } from '../serve.ts'
import { listenOption } from './mirror.ts'

interface UpFlags {
  readonly caches: string
  readonly data: string
  readonly listen: ListenAddress
  readonly imageCacheRefreshFrequency: number
  readonly insecureRegistry?: readonly string[]
  readonly caFile?: string
  readonly dockerConfig?: string
}

/** `stowage up`: the centre, controller and mirror in one process. */
export function upCommand(context: CommandContext): Command {
  return new Command('up')
    .description('Run a centre: it keeps a mirror of all wanted images and tells each node what it should have.')
    .addOption(
      option(
        '--caches <directory>',
        'YAML files with ImageCaches, their pull secrets and EdgeNodes; a change acts at once',
      ).makeOptionMandatory(),
    )
    .addOption(option('--data <directory>', 'where mirror and memory lie').makeOptionMandatory())
    .addOption(listenOption())
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
    .addOption(caFileOption())
    .addOption(
      option(
        '--docker-config <file>',
        'credentials of this machine (default: config.json of DOCKER_CONFIG or ~/.docker)',
      ),
    )
    .addHelpText('after', example)
    .action((flags: UpFlags) => runUp(context, flags))
}

const example = `
Example: mkdir caches; save this as caches/shop.yaml; stowage up --caches caches --data data
  apiVersion: kubefledged.io/v1alpha2
  kind: ImageCache
  metadata: { name: shop }
  spec:
    cacheSpec:
    - images: [docker.io/library/nginx:1.23.1]
Registries on loopback are spoken to in plain HTTP. HTTPS_PROXY and NO_PROXY are honoured.`

async function runUp(context: CommandContext, flags: UpFlags): Promise<void> {
  const { signal } = context
  const log = await context.log()
  const settings = {
    ...(await readNetworkSettings(context, flags.caFile)),
    insecureRegistries: flags.insecureRegistry ?? [],
    credentials: await machineCredentials(context, { dockerConfig: flags.dockerConfig, log }),
    log,
  }
  await using directory = await openDataDirectory(flags.data, 'mirror')
  await using objects = await openFsStore({ directory: directory.path })
  await using upstreams = openUpstreamClients({
    open: (registry, secrets) => openRegistry(registry, secrets, settings),
  })
  const content = createContentStore(objects)
  const controller = await openController({
    source: await openDirectorySource({ directory: flags.caches, objects, log }),
    content,
    objects,
    upstreamFor: upstreams.upstreamFor,
    refreshMs: flags.imageCacheRefreshFrequency,
    log,
  })
  const app = createMirrorServer()
  await app.register(registryRoutes, { store: content, authorize: allowAll, log })
  await app.register(controller.edgeApi)
  await app.register(controller.operatorApi)
  const serving = (until: AbortSignal): Promise<void> => serve(app, { listen: flags.listen, log, signal: until })
  const expiring = (until: AbortSignal): Promise<void> => expireUploads(content, { log, signal: until })
  await runAll([serving, (until) => controller.run(until), expiring], signal)
}
