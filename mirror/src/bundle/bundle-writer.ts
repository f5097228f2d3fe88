import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack, type Pack } from 'tar-stream'
import type { ContentSink, Ingest } from '../content.ts'
import type { DesiredImage } from '../edge/set.ts'
import { namedDescriptor } from '../edge/set.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, createDigester, hexOf, type Digest, type Digester } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import type { Manifest } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { bundleDocumentPath, type BundleDocument } from './bundle-document.ts'

export interface BundleWriterOptions {
  /** Where the tar goes; ended by `finish`. */
  readonly out: Writable
  readonly document: BundleDocument
  /** What `index.json` names. */
  readonly images: readonly DesiredImage[]
}

/**
 * A bundle being written: an OCI image layout in one tar (image-spec, image-layout.md) that takes content like any sink.
 * A tar cannot be written at two places at once, so blobs must come one after the other; a blob that broke off goes on
 * where it stopped.
 */
export interface BundleWriter extends ContentSink {
  /** Puts a file beside the layout, where readers of layouts do not look. @param name in `bundleFilesDirectory` */
  putFile(name: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void>
  /** Ends the tar and waits until all of it is written. */
  finish(): Promise<void>
}

interface OpenBlob {
  readonly blob: Descriptor
  readonly sink: ReturnType<Pack['entry']>
  readonly digester: Digester
  written: number
}

/** Begins a bundle; `index.json` and the bundle's own document come first, so that a reader knows at once what is inside. */
export async function createBundleWriter({ out, document, images }: BundleWriterOptions): Promise<BundleWriter> {
  const tar = pack()
  const piped = pipeline(tar, out)
  // A signal and not the promise itself: a promise would keep something for each of the thousands that wait for it in turn.
  const broken = new AbortController()
  piped.catch((error: unknown) => broken.abort(error))
  const there = new Set<Digest>()
  let open: OpenBlob | undefined

  await addFile('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await addFile('index.json', JSON.stringify(layoutIndex(images)))
  await addFile(bundleDocumentPath, JSON.stringify(document))

  return {
    hasBlob: ({ digest }) => Promise.resolve(there.has(digest)),
    hasManifest: (digest) => Promise.resolve(there.has(digest)),

    async ingest(blob) {
      if (there.has(blob.digest)) return undefined
      if (open && open.blob.digest !== blob.digest) {
        throw new Error(`bundle: ${blob.digest} cannot begin before ${open.blob.digest} has ended`)
      }
      open ??= await beginBlob(blob)
      return ingestOf(open)
    },

    async putManifest(manifest: Manifest) {
      if (there.has(manifest.digest)) return
      await addFile(blobPath(manifest.digest), manifest.raw)
      there.add(manifest.digest)
    },

    async putFile(name, size, bytes) {
      const sink = await beginEntry(name, size)
      for await (const chunk of bytes) if (!sink.write(Buffer.from(chunk))) await until(sink, 'drain')
      sink.end(undefined)
      await until(sink, 'finish')
    },

    async finish() {
      if (open) throw new Fault('unavailable', `bundle: ${open.blob.digest} is not complete`)
      tar.finalize()
      await piped.catch(refuseWrite)
    },
  }

  async function beginBlob(blob: Descriptor): Promise<OpenBlob> {
    const sink = await beginEntry(blobPath(blob.digest), blob.size)
    return { blob, sink, digester: createDigester(algorithmOf(blob.digest)), written: 0 }
  }

  function ingestOf(entry: OpenBlob): Ingest {
    return {
      offset: entry.written,
      async write(bytes) {
        for await (const chunk of bytes) {
          if (entry.written + chunk.length > entry.blob.size) throw notPromised(entry.blob)
          entry.digester.update(chunk)
          entry.written += chunk.length
          // The tar keeps the chunk until it is written, and its owner may use the memory again before that.
          if (!entry.sink.write(Buffer.from(chunk))) await until(entry.sink, 'drain')
        }
      },
      async commit() {
        const { blob } = entry
        if (entry.written !== blob.size)
          throw new Fault('unavailable', `${blob.digest}: ${entry.written} of ${blob.size} bytes came`)
        if (entry.digester.digest() !== blob.digest) throw notPromised(blob)
        entry.sink.end(undefined)
        await until(entry.sink, 'finish')
        there.add(blob.digest)
        open = undefined
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }

  async function addFile(name: string, content: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(content)
    const sink = await beginEntry(name, bytes.length)
    sink.end(bytes)
    await until(sink, 'finish')
  }

  async function beginEntry(name: string, size: number): Promise<OpenBlob['sink']> {
    try {
      const sink = tar.entry({ name, size, mode: 0o644, mtime: new Date(0) })
      // Errors reach the writer through the pipeline.
      sink.on('error', () => {})
      return sink
    } catch (error) {
      // The tar ends as soon as its output fails; why that was is known a moment later.
      await piped.catch(refuseWrite)
      throw error
    }
  }

  /** Waits for the tar, or for the failure of its output, which knows better than the entry what happened. */
  async function until(sink: OpenBlob['sink'], event: 'drain' | 'finish'): Promise<void> {
    try {
      await once(sink, event, { signal: broken.signal })
    } catch (error) {
      refuseWrite(broken.signal.aborted ? broken.signal.reason : error)
    }
  }
}

/** Path of a blob in a layout, relative to its root. */
export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`
}

function layoutIndex(images: readonly DesiredImage[]): object {
  const manifests = images.map(({ name, root }) => namedDescriptor(name, root))
  return { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
}

function notPromised(blob: Descriptor): Fault {
  return new Fault(
    'corrupt',
    `bundle: the bytes that came for ${blob.digest} are others; what was written is useless, write it again`,
  )
}

function refuseWrite(cause: unknown): never {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    throw new Fault('no-space', 'bundle: the disk is full; make room or write it elsewhere', { cause })
  }
  if (code === 'EPIPE') throw new Fault('unavailable', 'bundle: nobody reads the output any more', { cause })
  throw cause
}
