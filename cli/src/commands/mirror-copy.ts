import { copyImage, type CopyResult } from '@stowage/mirror/copy'
import { retry } from '@stowage/mirror/copy/retry'
import type { Fault } from '@stowage/mirror/oci/fault'
import { formatPlatform, parsePlatform, type Platform } from '@stowage/mirror/oci/platform'
import { Command } from 'commander'
import PQueue from 'p-queue'
import type { CommandContext } from '../command-context.ts'
import { checkPlatform } from '../copy/check-platform.ts'
import { copyEndHelp, parseCopyEnd, type CopyEnd } from '../copy/copy-end.ts'
import { nameAt, takesAnyName } from '../copy/name-at.ts'
import { openCopySurroundings, type CopySurroundingsFlags } from '../copy/copy-surroundings.ts'
import { openCopySource } from '../copy/open-copy-source.ts'
import { openCopyTarget } from '../copy/open-copy-target.ts'
import { withMirrorPlaceOptions } from '../mirror-place.ts'
import { eachParsedBy, option, parsedBy } from '../option.ts'
import { formatBytes, formatDuration } from '../print/format.ts'
import { createProgress } from '../print/progress.ts'

interface CopyFlags extends CopySurroundingsFlags {
  readonly platform?: readonly Platform[]
  readonly all?: boolean
  readonly referrers: boolean
  readonly output: 'text' | 'json'
}

/** More patience than where somebody else tries again later. */
const pace = { baseMs: 500, capMs: 30_000, tries: 10 }

/** `stowage mirror copy`: an image from one place to another. */
export function mirrorCopyCommand(context: CommandContext): Command {
  const asIs = eachParsedBy((text: string) => text)
  const command = new Command('copy')
    .description('Copy an image with its signatures, byte for byte; what is there already is not sent again.')
    .argument('<source>', copyEndHelp, parsedBy(parseCopyEnd))
    .argument('<destination>', 'the same; without a tag it gets that of the source', parsedBy(parseCopyEnd))
    .addOption(
      option('--platform <os/arch>', 'only for these machines; the index stays as it is; may be repeated').argParser(
        eachParsedBy(parsePlatform),
      ),
    )
    .addOption(
      option('--all', 'fail if the source lacks a part of the image (default: all that the source has)').conflicts(
        'platform',
      ),
    )
    .addOption(option('--no-referrers', 'leave out signatures, SBOMs and what else speaks of the image'))
  return withMirrorPlaceOptions(command)
    .addOption(option('--docker-config <file>', 'credentials (default: config.json in DOCKER_CONFIG or ~/.docker)'))
    .addOption(
      option(
        '--insecure-registry <host>',
        'HOST or HOST:PORT that may have any certificate, or none; may be repeated',
      ).argParser(asIs),
    )
    .addOption(option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', notes)
    .action((source: CopyEnd, destination: CopyEnd, flags: CopyFlags) =>
      runCopy(context, { source, destination }, flags),
    )
}

const notes = `
"mirror:" is what --data or --mirror names. A copy that was interrupted is repeated: what came stays.
Examples:
  stowage mirror copy docker://nginx:1.29 mirror:docker.io/library/nginx:1.29 --data ./registry --platform linux/arm64
  stowage mirror copy mirror:team/app:v1 docker://reg.example:5000/team/app --mirror http://127.0.0.1:5080
  stowage mirror copy docker://ghcr.io/org/app:v1 oci:./layout:v1`

interface Ends {
  readonly source: CopyEnd
  readonly destination: CopyEnd
}

async function runCopy(
  context: CommandContext,
  { source: from, destination: to }: Ends,
  flags: CopyFlags,
): Promise<void> {
  const { signal, stdout, stderr } = context
  await using surroundings = await openCopySurroundings(context, flags)
  await using opened = await openCopySource(from, surroundings)
  const { source, repository: sourceRepository, reference } = opened
  const progress = createProgress({ out: stderr, label: to.text, now: () => performance.now() })
  const onRetry = (fault: Fault, delayMs: number): void => {
    progress.end()
    stderr.write(`${fault.message}; trying again in ${formatDuration(Math.ceil(delayMs / 1000) * 1000)}\n`)
  }
  const root = await retry(() => source.resolve(sourceRepository, reference, { signal }), { onRetry, signal })
  if (flags.platform) {
    const check = { repository: sourceRepository, root, wanted: flags.platform, what: from.text, signal }
    await retry(() => checkPlatform(source, check), { onRetry, signal })
  }
  const name = nameAt(to, from, { digest: root.digest, names: opened.names })
  await using target = await openCopyTarget(to, { context, surroundings, source: from, root, name })
  try {
    const result = await copyImage({
      source,
      sourceRepository,
      reference: root.digest,
      sink: target.sink,
      tags: name === undefined ? [] : [name],
      platforms: flags.platform,
      referrers: flags.referrers && target.takesReferrers,
      isSourceSparse: flags.all !== true,
      queue: new PQueue({ concurrency: target.concurrency }),
      retry: { pace, onRetry },
      signal,
      onProgress: ({ blobBytesDone, blobBytesTotal }) => progress.update(blobBytesDone, blobBytesTotal),
    })
    await target.finish(result.root)
    progress.end()
    if (name === undefined && to.digest === undefined && !takesAnyName(to)) stderr.write(withoutTag(to))
    const view = viewOf(result, { from, to, name })
    // Whoever reads an archive takes what stands behind it for a part of it.
    const out = to.kind === 'archive' && to.file === '-' ? stderr : stdout
    out.write(flags.output === 'json' ? `${JSON.stringify(view, null, 2)}\n` : `${describe(view)}\n`)
  } finally {
    progress.end()
  }
}

function withoutTag({ text }: CopyEnd): string {
  return `${text}: it has no tag there, so a mirror deletes it as garbage some day; write ${text}:TAG to give it one\n`
}

interface CopyView {
  readonly source: string
  readonly destination: string
  readonly digest: string
  readonly mediaType: string
  readonly tag: string | null
  readonly platforms: readonly string[]
  /** Wanted, and not at the source. */
  readonly missingPlatforms: readonly string[]
  readonly manifests: number
  readonly referrers: number
  readonly bytes: number
  /** The others were there. */
  readonly bytesCopied: number
}

function viewOf(
  result: CopyResult,
  { from, to, name }: { from: CopyEnd; to: CopyEnd; name: string | undefined },
): CopyView {
  return {
    source: from.text,
    destination: to.text,
    digest: result.root.digest,
    mediaType: result.root.mediaType,
    tag: name ?? null,
    platforms: result.platforms.map(formatPlatform),
    missingPlatforms: result.missing.map(formatPlatform),
    manifests: result.manifests.length,
    referrers: result.referrers.length,
    bytes: result.bytesTotal,
    // What a cut link lost on its way was fetched twice.
    bytesCopied: Math.min(result.bytesFetched, result.bytesTotal),
  }
}

function describe({
  destination,
  digest,
  tag,
  platforms,
  missingPlatforms,
  referrers,
  bytes,
  bytesCopied,
}: CopyView): string {
  const parts = [
    tag === null ? digest : `${tag} is ${digest}`,
    platforms.join(', '),
    missingPlatforms.length > 0 && `without ${missingPlatforms.join(', ')}, which the source has not`,
    `${formatBytes(bytes)}, ${formatBytes(bytesCopied)} of it copied`,
    referrers > 0 && `with ${referrers} referrer${referrers === 1 ? '' : 's'}`,
  ]
  return `${destination}: ${parts.filter(Boolean).join('; ')}`
}
