import { Fault } from '@stowage/mirror/oci/fault'
import { createStoreImages } from '@stowage/mirror/images/store-images'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { objectsRoutes } from '@stowage/mirror/server/objects/objects-routes'
import { registryRoutes } from '@stowage/mirror/server/registry-routes'
import { createUploadDigests } from '@stowage/mirror/store/content/upload-digests'
import { createIntegrity } from '@stowage/mirror/store/scrub/integrity'
import { runAll } from '@stowage/node-agent/run-all'
import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { dataHelp, openDataStore, withS3Options, type DataFlags } from '../data-store.ts'
import { gcRules, withGcOptions, type GcFlags } from '../gc-options.ts'
import { createRoom, withRoomOptions, type Room, type RoomFlags } from '../keep-room.ts'
import { everything, openListener } from '../listener/open-listener.ts'
import { withListenerOptions, type ListenerFlags } from '../listener/listener-options.ts'
import { option } from '../option.ts'
import { storeCheck } from '../health-checks.ts'
import { mirrorMetrics } from '../metrics/all-metrics.ts'
import { createImageSamples } from '../metrics/image-samples.ts'
import { metricsOption, type MetricsFlags } from '../metrics/metrics-option.ts'
import { openMeasuring } from '../metrics/open-measuring.ts'
import { storeSamples } from '../metrics/store-samples.ts'
import { createStoreCollector } from '../operations/store-collector.ts'
import { operatorTokenOption, takeOrders, type OrderFlags } from '../operations/take-orders.ts'
import { openPullThrough, withUpstreamOptions, type UpstreamFlags } from '../open-pull-through.ts'
import { withScrubOptions, type ScrubFlags } from '../scrub-options.ts'
import { serve } from '../serve.ts'
import { openTokenFile, type TokenFile } from '../token-file.ts'
import { createUpkeep } from '../upkeep.ts'
import { warnOfFullDisk } from '../warn-of-full-disk.ts'

interface MirrorFlags
  extends Partial<DataFlags>, MetricsFlags, ListenerFlags, UpstreamFlags, GcFlags, RoomFlags, ScrubFlags, OrderFlags {
  readonly allowSparse?: boolean
  readonly objectsTokenFile?: string
}

/** `stowage mirror`: the registry alone. */
export function mirrorCommand(context: CommandContext): Command {
  const command = new Command('mirror')
    .description('Serve the OCI registry alone: push to it, pull from it with any client.')
    .addOption(option('--data <directory>', `where its content lies; ${dataHelp}`))
  return withScrubOptions(
    withGcOptions(withRoomOptions(withUpstreamOptions(withListenerOptions(withS3Options(command))))),
  )
    .addOption(metricsOption())
    .addOption(
      option(
        '--allow-sparse',
        'take images that are pushed without their config or some of their layers (default: refuse)',
      ),
    )
    .addOption(
      option(
        '--objects-token-file <file>',
        'let controllers keep all they have here: who shows this token may read and write everything (default: nobody)',
      ),
    )
    .addOption(operatorTokenOption())
    .addHelpText(
      'after',
      '\nExample:\n  stowage mirror --data ./registry\n  skopeo copy --dest-tls-verify=false oci:./layout:v1 docker://127.0.0.1:5080/app:v1',
    )
    .action((flags: MirrorFlags) => runMirror(context, flags))
}

async function runMirror(context: CommandContext, flags: MirrorFlags): Promise<void> {
  // Not a mandatory option: those of a command are asked for by its subcommands, too.
  if (flags.data === undefined) throw new Fault('invalid', '--data DIRECTORY is needed: where its content lies')
  const log = await context.log()
  await using data = await openDataStore({ ...flags, data: flags.data })
  const { objects, directory, redirects } = data
  if (directory !== undefined) await warnOfFullDisk(directory, { log })
  const digests = createUploadDigests()
  const integrity = createIntegrity(objects)
  const store = createContentStore(objects, { digests, integrity })
  const measuring = await openMeasuring(flags.metricsListen, { metrics: mirrorMetrics, version: context.version, log })
  if (directory !== undefined) measuring.look(() => storeSamples(directory))
  const { meter } = measuring
  const collector = createStoreCollector({ objects, directory, rules: gcRules(flags), isServing: true, log, meter })
  const listener = await openListener(flags, log)
  const app = createMirrorServer({ meter, certificate: listener.certificate, limits: listener.limits })
  const { listen } = flags
  const isFetched = (repository: string): boolean => pullThrough.isFetched(repository)
  const room: Room = createRoom(flags, { objects, store, directory, collector, isFetched, log, meter })
  measuring.look(() => room.evictor.samples())
  const around = { listen, ...listener, objects, store, ...room, log, meter }
  await using pullThrough = await openPullThrough(context, flags, around)
  const kept = { objects, content: store, integrity, directory }
  const upkeep = createUpkeep(kept, { flags, collector, sources: [pullThrough.repairs], log, meter })
  measuring.look(() => upkeep.samples())
  const images = createImageSamples(createStoreImages(store, { name: flags.data }), { log })
  measuring.look(() => images.samples())
  const registry = { store, ...listener.access, pullThrough, redirects, takesSparse: flags.allowSparse, log, meter }
  await app.register(registryRoutes, registry)
  await listener.addRoutes(app)
  const alsoTaken: TokenFile[] = []
  if (flags.objectsTokenFile !== undefined) {
    const file = await openTokenFile({ flag: '--objects-token-file', path: flags.objectsTokenFile, log })
    await app.register(objectsRoutes, { objects, digests, tokens: () => file.tokens(), log })
    alsoTaken.push(file)
  }
  await takeOrders(app, flags, { operations: upkeep.operations, alsoTaken, log })
  const ready = [storeCheck({ directory, objects })]
  const open = listener.isOpen ? everything : undefined
  const serving = (signal: AbortSignal): Promise<void> => serve(app, { listen: flags.listen, open, log, signal, ready })
  const evicting = (signal: AbortSignal): Promise<void> => room.evictor.run(signal)
  const counting = meter ? [(signal: AbortSignal) => images.run(signal)] : []
  const ofParts = [...upkeep.loops, ...pullThrough.loops, ...listener.loops(app), ...measuring.loops]
  await runAll([serving, evicting, ...counting, ...ofParts], context.signal)
}
