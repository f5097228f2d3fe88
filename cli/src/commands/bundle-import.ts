import { openBundle } from '@stowage/mirror/bundle/open-bundle'
import type { ImageReport } from '@stowage/mirror/edge/report'
import { Fault } from '@stowage/mirror/oci/fault'
import { syncOnce, type ImageOutcome } from '@stowage/node-agent/sync-once'
import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { openDataDirectory } from '../lock/data-directory.ts'
import { option } from '../option.ts'
import { createProgress } from '../print/progress.ts'
import { openNamedRuntime, withRuntimeOptions, type RuntimeFlags } from '../runtime-options.ts'

interface ImportFlags extends RuntimeFlags {
  readonly data: string
}

/** `stowage bundle import`. */
export function bundleImportCommand(context: CommandContext): Command {
  const command = new Command('import')
    .description('Bring the images of a bundle, or of any OCI image layout in a tar, onto this node.')
    .argument('<file>', 'the bundle')
    .addOption(
      option(
        '--data <directory>',
        'the data directory of this node; no agent may be running on it',
      ).makeOptionMandatory(),
    )
  return withRuntimeOptions(command)
    .addHelpText(
      'after',
      '\nAn import that was interrupted is repeated: what came stays.\nExample:\n  stowage bundle import shop.tar --data /var/lib/stowage --runtime containerd',
    )
    .action((file: string, flags: ImportFlags) => runImport(context, file, flags))
}

async function runImport(context: CommandContext, file: string, flags: ImportFlags): Promise<void> {
  const { signal, stderr, stdout } = context
  const log = (await context.log('stderr')).child({}, { level: 'warn' })
  await using bundle = await openBundle(file)
  await using directory = await openDataDirectory(flags.data, 'agent')
  await using opened = await openNamedRuntime(flags, log)
  const progress = createProgress({ out: stderr, label: file, now: () => performance.now() })
  const outcomes = await syncOnce(
    {
      ...opened,
      images: bundle.images,
      ...(bundle.document ? { entries: bundle.document.entries } : {}),
      source: bundle,
      dataDirectory: directory.path,
      log,
      onProgress: (images) => progress.update(...bytesOf(images)),
    },
    signal,
  )
  progress.end()
  for (const line of outcomes) stdout.write(`${line.failure ? 'failed ' : 'present'} ${line.name} ${line.digest}\n`)
  refuseFailures(file, outcomes)
}

function bytesOf(images: readonly ImageReport[]): [done: number, total: number] {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
  return [sum(images.map(({ bytesHere }) => bytesHere)), sum(images.map(({ bytesTotal }) => bytesTotal ?? 0))]
}

function refuseFailures(file: string, outcomes: readonly ImageOutcome[]): void {
  const failures = outcomes.flatMap(({ name, failure }) => (failure ? [{ name, ...failure }] : []))
  const [first] = failures
  if (!first) return
  const lines = failures.map(({ name, message }) => `  ${name}: ${message}`).join('\n')
  throw new Fault(first.code, `${file}: ${failures.length} of ${outcomes.length} images were not brought:\n${lines}`)
}
