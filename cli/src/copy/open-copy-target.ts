import { createBundleWriter } from '@stowage/mirror/bundle/bundle-writer'
import type { ContentSink } from '@stowage/mirror/content'
import { openLayoutSink } from '@stowage/mirror/layout/open-layout-sink'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { createRegistrySink } from '@stowage/mirror/registry/registry-sink'
import type { CommandContext } from '../command-context.ts'
import { openOutput } from '../output-file.ts'
import type { CopyEnd } from './copy-end.ts'
import { isStore, type CopySurroundings } from './copy-surroundings.ts'

/** Where a copy goes to, opened. */
export interface CopyTarget extends AsyncDisposable {
  readonly sink: ContentSink
  /** How many blobs may come at a time. */
  readonly concurrency: number
  /** Whether what speaks of an image would be found there. */
  readonly takesReferrers: boolean
  /** Makes the image visible where its tag alone does not. */
  finish(root: Descriptor): Promise<void>
}

export interface CopyTargetOptions {
  readonly context: CommandContext
  readonly surroundings: CopySurroundings
  readonly source: CopyEnd
  readonly root: Descriptor
  readonly name: string | undefined
}

const blobsAtOnce = 6
const nothingMore = { finish: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() }
const many = { concurrency: blobsAtOnce, takesReferrers: true }

/** @throws Fault as opening it does */
export async function openCopyTarget(end: CopyEnd, options: CopyTargetOptions): Promise<CopyTarget> {
  const { surroundings, source } = options
  switch (end.kind) {
    case 'registry': {
      const isSame = source.kind === 'registry' && source.registry === end.registry
      const mountFrom = isSame && source.repository !== end.repository ? source.repository : undefined
      const client = await surroundings.registry(end.registry)
      return { sink: createRegistrySink(client, { repository: end.repository, mountFrom }), ...many, ...nothingMore }
    }
    case 'mirror': {
      const mirror = await surroundings.mirror(true)
      const { repository } = end
      const mountFrom = source.kind === 'mirror' && source.repository !== repository ? source.repository : undefined
      const sink = isStore(mirror)
        ? mirror.repository(repository)
        : createRegistrySink(mirror, { repository, mountFrom })
      return { sink, ...many, ...nothingMore }
    }
    case 'data': {
      const store = await surroundings.store(end.directory, true)
      return { sink: store.repository(end.repository), ...many, ...nothingMore }
    }
    case 'layout': {
      const sink = await openLayoutSink(end.directory)
      const finish = async (root: Descriptor): Promise<void> => {
        if (options.name === undefined) await sink.list(root)
      }
      return { sink, ...many, finish, [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose]() }
    }
    case 'archive':
      return await openArchive(end.file, options)
  }
}

/** A tar is written from its beginning to its end: nothing of it is kept if it breaks off. */
async function openArchive(
  file: string,
  { context, root, name = root.digest }: CopyTargetOptions,
): Promise<CopyTarget> {
  const output = await openOutput(file, context)
  const document = { version: 1 as const, entries: [], platforms: [] }
  const writer = await createBundleWriter({ out: output.stream, document, images: [{ name, root }] })
  return {
    sink: writer,
    concurrency: 1,
    takesReferrers: false,
    async finish() {
      await writer.finish()
      await output.keep()
    },
    [Symbol.asyncDispose]: () => output[Symbol.asyncDispose](),
  }
}
