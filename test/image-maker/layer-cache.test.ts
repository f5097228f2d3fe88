import { mkdtempDisposable, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { createLayerCache, type LayerCache } from './layer-cache.ts'
import type { LayerSpec } from './layer-spec.ts'
import { createOciLayout, type OciLayout } from './oci-layout.ts'

interface Bench extends AsyncDisposable {
  readonly layout: OciLayout
  readonly file: string
  readonly spec: LayerSpec
  open(): LayerCache
  notes(): Promise<string[]>
}

async function openBench(): Promise<Bench> {
  const directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-layers-'))
  const layout = await createOciLayout(path.join(directory.path, 'layout'))
  const [file, notes] = [path.join(directory.path, 'file'), path.join(directory.path, 'notes')]
  await writeFile(file, 'one')
  return {
    layout,
    file,
    spec: { entries: [{ path: 'file', from: { file } }] },
    open: () => createLayerCache({ layout, directory: notes }),
    notes: () => readdir(notes),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

describe('the layer cache', () => {
  it('knows a layer again in another process', async () => {
    await using bench = await openBench()
    const first = await bench.open().layer(bench.spec)
    expect(await bench.open().layer(bench.spec)).toEqual(first)
    expect(await bench.notes()).toHaveLength(1)
  })

  it('packs anew when a file changed but kept its size', async () => {
    await using bench = await openBench()
    const first = await bench.open().layer(bench.spec)
    await writeFile(bench.file, 'two')
    expect((await bench.open().layer(bench.spec)).diffId).not.toBe(first.diffId)
  })

  it('packs anew when content or compression changed', async () => {
    await using bench = await openBench()
    const digests = new Set<string>()
    for (const content of ['a', 'b']) {
      for (const compression of ['none', 'zstd'] as const) {
        const entries = [{ path: 'file', from: { content } }]
        digests.add((await bench.open().layer({ entries, compression })).digest)
      }
    }
    expect(digests.size).toBe(4)
  })

  it('packs anew when the layout lost the blob', async () => {
    await using bench = await openBench()
    const first = await bench.open().layer(bench.spec)
    await rm(bench.layout.blobPath(first.digest))
    expect(await bench.open().layer(bench.spec)).toEqual(first)
    expect(await bench.layout.read(first.digest)).toHaveLength(first.size)
  })
})
