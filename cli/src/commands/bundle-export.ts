import { setTimeout as delay } from 'node:timers/promises'
import { exportViewSchema, type ExportRequest, type ExportView } from '@stowage/controller/operator-api/views'
import { createBundleWriter, type BundleWriter } from '@stowage/mirror/bundle/bundle-writer'
import { copyImage } from '@stowage/mirror/copy'
import { setRepository } from '@stowage/mirror/edge/set'
import { Fault } from '@stowage/mirror/oci/fault'
import { formatPlatform, parsePlatform, type Platform } from '@stowage/mirror/oci/platform'
import { createRegistryClient, type RegistryClient } from '@stowage/mirror/registry/registry-client'
import { Command } from 'commander'
import PQueue from 'p-queue'
import { centralOption, openCentreClient, type CentreClient } from '../centre-client.ts'
import type { CommandContext } from '../command-context.ts'
import { caFileOption, readNetworkSettings } from '../network-settings.ts'
import { eachParsedBy, option } from '../option.ts'
import { openOutput } from '../output-file.ts'
import { formatBytes } from '../print/format.ts'
import { createProgress } from '../print/progress.ts'

interface ExportFlags {
  readonly cache?: readonly string[]
  readonly image?: readonly string[]
  readonly platform?: readonly Platform[]
  readonly central: string
  readonly caFile?: string
  readonly file: string
}

/** `stowage bundle export`. */
export function bundleExportCommand(context: CommandContext): Command {
  const asIs = eachParsedBy((text: string) => text)
  return new Command('export')
    .description('Write the images of caches, or single images, into one file: an OCI image layout in a tar.')
    .addOption(option('--cache <namespace/name>', 'all images of an ImageCache; may be repeated').argParser(asIs))
    .addOption(option('--image <reference>', 'one image; may be repeated').argParser(asIs))
    .addOption(
      option(
        '--platform <os/arch>',
        'for which machines; may be repeated (default: those of the nodes that have them)',
      ).argParser(eachParsedBy(parsePlatform)),
    )
    .addOption(centralOption())
    .addOption(caFileOption())
    .addOption(option('-o, --file <file>', 'the file to write; - for standard output').makeOptionMandatory())
    .addHelpText(
      'after',
      '\nExamples:\n  stowage bundle export --cache default/shop -o shop.tar\n  stowage bundle export --image nginx:1.23.1 --platform linux/arm64 -o - | ssh site "cat > shop.tar"',
    )
    .action((flags: ExportFlags) => runExport(context, flags))
}

async function runExport(context: CommandContext, flags: ExportFlags): Promise<void> {
  const { signal, stderr } = context
  const { cache: caches = [], image: images = [], platform: platforms = [] } = flags
  if (caches.length + images.length === 0) throw new Fault('invalid', 'nothing to export: name a --cache or an --image')
  const settings = await readNetworkSettings(context, flags.caFile)
  await using client = openCentreClient(flags.central, settings)
  await using source = createRegistryClient({ registry: flags.central, ...settings })
  const request = {
    caches: [...caches],
    images: [...images],
    platforms: platforms.map((platform) => formatPlatform(platform)),
  }
  const view = await untilMirrored(client, request, context)
  await using output = await openOutput(flags.file, context)
  const document = { version: 1 as const, entries: view.entries, platforms: view.platforms }
  const writer = await createBundleWriter({ out: output.stream, document, images: view.images })
  for (const digest of view.sets) await writer.putManifest(await source.manifest(setRepository, digest, { signal }))
  const bytes = await writeImages(view, { source, writer, context })
  await writer.finish()
  await output.keep()
  stderr.write(`${flags.file}: ${view.images.length} images for ${view.platforms.join(', ')}, ${formatBytes(bytes)}\n`)
}

/** Asks again until the mirror has all of it; what cannot be had is a failure, with all causes. */
async function untilMirrored(
  client: CentreClient,
  request: ExportRequest,
  { signal, stderr }: CommandContext,
): Promise<ExportView> {
  for (let said = ''; ;) {
    const view = await client.post('/api/v1/export', request, exportViewSchema, signal)
    const failed = view.missing.filter(({ state }) => state === 'failed')
    if (failed.length > 0) {
      throw new Fault(
        'not-found',
        `the mirror cannot get everything:\n${failed.map(({ name, message }) => `  ${name}: ${message}`).join('\n')}`,
      )
    }
    if (view.missing.length === 0) return view
    const waiting = view.missing.map(({ name, message }) => `${name}: ${message}\n`).join('')
    if (waiting !== said) stderr.write(waiting)
    said = waiting
    await delay(1000, undefined, { signal })
  }
}

interface Writing {
  readonly source: RegistryClient
  readonly writer: BundleWriter
  readonly context: CommandContext
}

/** Gives the bytes of all blobs. */
async function writeImages({ images, platforms }: ExportView, { source, writer, context }: Writing): Promise<number> {
  const { signal, stderr } = context
  // A tar is written at one place at a time.
  const queue = new PQueue({ concurrency: 1 })
  let bytes = 0
  for (const { name, root, repository } of images) {
    const progress = createProgress({ out: stderr, label: name, now: () => performance.now() })
    const { bytesTotal } = await copyImage({
      source,
      sourceRepository: repository,
      reference: root.digest,
      sink: writer,
      platforms: platforms.map((platform) => parsePlatform(platform)),
      isSourceSparse: true,
      queue,
      signal,
      onProgress: ({ blobBytesDone, blobBytesTotal }) => progress.update(blobBytesDone, blobBytesTotal),
    })
    progress.end()
    bytes += bytesTotal
  }
  return bytes
}
