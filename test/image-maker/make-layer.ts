import { pipeline } from 'node:stream/promises'
import { PassThrough, type Transform } from 'node:stream'
import { constants, createGzip, createZstdCompress } from 'node:zlib'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { createDigester, type Digest } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { expandEntries, type FlatEntry } from './expand-entries.ts'
import type { Compression, LayerSpec } from './layer-spec.ts'
import type { OciLayout } from './oci-layout.ts'
import { tarOf } from './tar-of.ts'

/** A layer in a layout. `size` counts its bytes as stored, `tarSize` those of the tar that `diffId` names. */
export interface MadeLayer extends Descriptor {
  readonly diffId: Digest
  readonly tarSize: number
}

/** Compressors get pieces of one size, so that their output depends on the bytes alone and not on how they came. */
const pieceSize = 256 * 1024

/** Packs a layer into the layout: same entries with the same bytes, same digest. Never holds the layer. */
export async function makeLayer(
  layout: OciLayout,
  { entries, compression = { gzip: 6 } }: LayerSpec,
): Promise<MadeLayer> {
  return packLayer(layout, await expandEntries(entries), compression)
}

/** `makeLayer` for entries that are expanded already. */
export function packLayer(
  layout: OciLayout,
  entries: readonly FlatEntry[],
  compression: Compression,
): Promise<MadeLayer> {
  return storeLayer(layout, tarOf(entries), compression)
}

/** Stores a tar as a layer, compressed while it comes. */
export async function storeLayer(
  layout: OciLayout,
  tar: AsyncIterable<Uint8Array>,
  compression: Compression,
): Promise<MadeLayer> {
  const digester = createDigester()
  let tarSize = 0
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const piece of inPieces(tar, pieceSize)) {
      digester.update(piece)
      tarSize += piece.length
      yield piece
    }
  }
  const stored = await pipeline(measured(), compressorOf(compression), (bytes: AsyncIterable<Uint8Array>) =>
    layout.put(mediaTypeOf(compression), bytes),
  )
  return { ...stored, diffId: digester.digest(), tarSize }
}

function compressorOf(compression: Compression): Transform {
  const chunkSize = pieceSize
  if (compression === 'none') return new PassThrough()
  if (compression !== 'zstd') return createGzip({ level: compression.gzip, chunkSize })
  return createZstdCompress({ chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 3 } })
}

function mediaTypeOf(compression: Compression): string {
  if (compression === 'none') return mediaTypes.layer
  return compression === 'zstd' ? mediaTypes.layerZstd : mediaTypes.layerGzip
}

async function* inPieces(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let piece = Buffer.allocUnsafe(size)
  let used = 0
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + size - used)
      piece.set(part, used)
      used += part.length
      at += part.length
      if (used < size) continue
      yield piece
      piece = Buffer.allocUnsafe(size)
      used = 0
    }
  }
  if (used > 0) yield piece.subarray(0, used)
}
