import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { exportViewSchema, type ExportRequest, type ExportView } from '@stowage/controller/operator-api/views'
import { createBundleWriter, type BundleWriter } from '@stowage/mirror/bundle/bundle-writer'
import { openBundle } from '@stowage/mirror/bundle/open-bundle'
import { copyImage } from '@stowage/mirror/copy'
import { Fault } from '@stowage/mirror/oci/fault'
import { formatPlatform, parsePlatform, type Platform } from '@stowage/mirror/oci/platform'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import { Command } from 'commander'
import PQueue from 'p-queue'
import { partOfBundle, partOfCentre, withoutRepetition, type BundlePart } from '../bundle-part.ts'
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
  readonly with?: readonly string[]
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
    .addOption(
      option(
        '--with <file>',
        'also what another bundle has, such as that of Stowage itself; may be repeated',
      ).argParser(asIs),
    )
    .addOption(centralOption())
    .addOption(caFileOption())
    .addOption(option('-o, --file <file>', 'the file to write; - for standard output').makeOptionMandatory())
    .addHelpText(
      'after',
      '\nExamples:\n  stowage bundle export --cache default/shop -o shop.tar\n  stowage bundle export --cache default/shop --with stowage-0.1.0.tar -o site.tar\n  stowage bundle export --image nginx:1.23.1 --platform linux/arm64 -o - | ssh site "cat > shop.tar"',
    )
    .action((flags: ExportFlags) => runExport(context, flags))
}

async function runExport(context: CommandContext, flags: ExportFlags): Promise<void> {
  const { stderr } = context
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
  await using others = new AsyncDisposableStack()
  const bundles = await Promise.all((flags.with ?? []).map(async (file) => others.use(await openBundle(file))))
  const parts = withoutRepetition([partOfCentre(source, view), ...bundles.map((bundle) => partOfBundle(bundle))])
  await using output = await openOutput(flags.file, context)
  const bytes = await writeParts(parts, { out: output.stream, platforms: view.platforms, context })
  await output.keep()
  const count = parts.flatMap((part) => part.images).length
  stderr.write(`${flags.file}: ${count} images for ${view.platforms.join(', ')}, ${formatBytes(bytes)}\n`)
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
  readonly out: Writable
  readonly platforms: readonly string[]
  readonly context: CommandContext
}

/** Gives the bytes of all blobs. */
async function writeParts(parts: readonly BundlePart[], { out, platforms, context }: Writing): Promise<number> {
  const document = { version: 1 as const, entries: parts.flatMap(({ entries }) => entries), platforms: [...platforms] }
  const writer = await createBundleWriter({ out, document, images: parts.flatMap(({ images }) => images) })
  // Before the images, so that who unpacks them need not read all of it.
  for (const { name, size, read } of parts.flatMap(({ files }) => files)) await writer.putFile(name, size, read())
  let bytes = 0
  for (const part of parts) {
    for (const { repository, digest } of part.sets) {
      await writer.putManifest(await part.source.manifest(repository, digest, { signal: context.signal }))
    }
    bytes += await writeImages(part, { writer, platforms, context })
  }
  await writer.finish()
  return bytes
}

interface WritingImages extends Omit<Writing, 'out'> {
  readonly writer: BundleWriter
}

async function writeImages(
  { source, images }: BundlePart,
  { writer, platforms, context: { signal, stderr } }: WritingImages,
): Promise<number> {
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
