import { describe, expect, it } from 'vitest'
import { createTestImage, createTestLayer } from '../../testing/test-image.ts'
import { configLabels, isMarked, layerLabels, manifestLabels, markLabel } from './labels.ts'

const { documents, manifest, config } = createTestImage([await createTestLayer(), await createTestLayer()]).graph
const [index] = documents
const [lower, upper] = manifest.layers

describe("labels for containerd's garbage collection", () => {
  it('keep the configuration with a manifest, and layers where they are to stay', () => {
    const kept = { 'containerd.io/gc.ref.content.config': manifest.config.digest }
    expect(manifestLabels(manifest, { child: undefined, layers: false })).toEqual(kept)
    expect(manifestLabels(manifest, { child: undefined, layers: true })).toEqual({
      ...kept,
      'containerd.io/gc.ref.content.l.0': lower?.digest,
      'containerd.io/gc.ref.content.l.1': upper?.digest,
    })
  })

  it("keep this platform's manifest with an index, and no other, under a key that no pull writes", () => {
    if (!index) throw new Error('the image has no index')
    const labels = { 'containerd.io/gc.ref.content.stowage': manifest.digest }
    expect(manifestLabels(index, { child: manifest.digest, layers: true })).toEqual(labels)
    expect(manifestLabels(index, { child: undefined, layers: true })).toEqual({})
  })

  it('keep the snapshot of all layers with a configuration', () => {
    const top = config?.diffIds[0]
    expect(configLabels('native', top)).toEqual({ 'containerd.io/gc.ref.snapshot.native': top })
    expect(configLabels('overlayfs', undefined)).toEqual({})
  })

  it('tell what a layer is when it is unpacked', () => {
    expect(layerLabels(manifest.digest)).toEqual({ 'containerd.io/uncompressed': manifest.digest })
  })
})

describe('a mark', () => {
  const longName = `r.example/${'a/'.repeat(120)}app:${'v'.repeat(128)}`

  it.each([['r.example/app:v1'], [longName]])('is short enough for containerd, and says whose it is: %s', (name) => {
    const key = markLabel('name', name)
    expect(key).toMatch(/^stowage\.dev\/name\.[0-9a-f]{16}$/)
    // containerd, labels/validate.go: key and value together.
    expect(key.length + name.length).toBeLessThanOrEqual(4096)
    expect(isMarked('name', name, { [key]: name })).toBe(true)
  })

  it('is of one name and one kind', () => {
    const labels = { [markLabel('name', 'r/a:1')]: 'r/a:1' }
    expect(isMarked('companion', 'r/a:1', labels)).toBe(false)
    expect(isMarked('name', 'r/a:2', labels)).toBe(false)
    expect(isMarked('name', 'r/a:1', { [markLabel('name', 'r/a:1')]: '' })).toBe(false)
  })
})
