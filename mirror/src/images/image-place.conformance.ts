import PQueue from 'p-queue'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import type { Repository } from '../store/content-store.ts'
import type { ImagePlace } from './image-place.ts'
import { inspectImage } from './inspect-image.ts'
import { listImages, type ListedImage } from './list-images.ts'
import { removeImages } from './remove-images.ts'

/** A place, and the repositories behind it. */
export interface OpenedPlace extends AsyncDisposable {
  readonly place: ImagePlace
  repository(name: string): Repository
}

const queue = new PQueue({ concurrency: 4 })
const bytesOf = (document: object): Buffer => Buffer.from(JSON.stringify(document))

async function putBlob(repository: Repository, text: string, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(text)
  const blob = { mediaType, digest: digestOf(bytes), size: bytes.length }
  await using ingest = await repository.ingest(blob)
  await ingest?.write(
    (async function* () {
      yield bytes
    })(),
  )
  await ingest?.commit()
  return blob
}

async function putManifest(repository: Repository, document: object, tags: string[] = []): Promise<Descriptor> {
  const manifest = parseManifest(bytesOf({ schemaVersion: 2, ...document }))
  await repository.putManifest(manifest, { tags })
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.raw.length }
}

/** An image for linux/ARCHITECTURE; its layer is left out on request. */
async function putImage(
  repository: Repository,
  architecture: string,
  { tags, isLayerLeftOut }: { readonly tags?: string[]; readonly isLayerLeftOut?: boolean } = {},
): Promise<Descriptor> {
  const text = JSON.stringify({ os: 'linux', architecture, config: { Cmd: ['run'] } })
  const config = await putBlob(repository, text, mediaTypes.config)
  const content = Buffer.from(`layer for ${architecture}`)
  const absent = { mediaType: mediaTypes.layer, digest: digestOf(content), size: content.length }
  const layer = isLayerLeftOut ? absent : await putBlob(repository, content.toString(), mediaTypes.layer)
  return await putManifest(repository, { mediaType: mediaTypes.manifest, config, layers: [layer] }, tags)
}

const forLinux = (manifest: Descriptor, architecture: string): object => ({
  ...manifest,
  platform: { os: 'linux', architecture },
})

/** What holds for the images of every kind of place. */
export function imagePlaceConformance(name: string, open: () => Promise<OpenedPlace>): void {
  const list = async (place: ImagePlace, options: { repository?: string; untagged?: boolean } = {}) =>
    await Array.fromAsync(listImages(place, { ...options, queue }))
  const shown = ({ repository, tag, platforms, remark }: ListedImage): string =>
    `${repository}:${tag} ${platforms.join(',')} ${remark}`

  describe(`the images of ${name}`, () => {
    it('are listed with what is there of each', async () => {
      await using opened = await open()
      const app = opened.repository('team/app')
      const amd = await putImage(app, 'amd64', { tags: ['plain'] })
      const arm = await putImage(app, 'arm64')
      const index = { mediaType: mediaTypes.index, manifests: [forLinux(amd, 'amd64'), forLinux(arm, 'arm64')] }
      await putManifest(app, index, ['v1', 'v2'])
      const absent = forLinux({ ...arm, digest: digestOf('nobody has it') }, 's390x')
      await putManifest(app, { ...index, manifests: [...index.manifests, absent] }, ['sparse'])
      await putImage(opened.repository('broken'), 'amd64', { tags: ['v1'], isLayerLeftOut: true })
      expect((await list(opened.place)).map(shown)).toEqual([
        'broken:v1  broken: 1 blob missing',
        'team/app:plain linux/amd64 whole',
        'team/app:sparse linux/amd64,linux/arm64 sparse: 2 of 3 platforms',
        'team/app:v1 linux/amd64,linux/arm64 whole',
        'team/app:v2 linux/amd64,linux/arm64 whole',
      ])
    })

    it('are listed page by page', async () => {
      await using opened = await open()
      for (const number of [1, 2, 3]) {
        await putImage(opened.repository(`app${number}`), 'amd64', { tags: ['a', 'b', 'c', 'd', 'e'] })
      }
      const found = await list(opened.place)
      expect(found).toHaveLength(15)
      expect(new Set(found.map(shown)).size).toBe(15)
    })

    it('can be asked for by one repository, which has to be there', async () => {
      await using opened = await open()
      await putImage(opened.repository('a'), 'amd64', { tags: ['v1'] })
      await putImage(opened.repository('b'), 'amd64', { tags: ['v1'] })
      expect((await list(opened.place, { repository: 'b' })).map(({ repository }) => repository)).toEqual(['b'])
    })

    it('are shown with layers, signatures and tags', async () => {
      await using opened = await open()
      const app = opened.repository('app')
      const image = await putImage(app, 'amd64', { tags: ['v1', 'stable'] })
      const empty = await putBlob(app, '{}', mediaTypes.empty)
      const document = { mediaType: mediaTypes.manifest, artifactType: 'application/x.sig', config: empty, layers: [] }
      const signature = await putManifest(app, { ...document, subject: image })
      const tag = `sha256-${image.digest.slice('sha256:'.length)}.sig`
      const old = await putManifest(app, { ...document, annotations: { of: 'old' } }, [tag])
      const report = await inspectImage(opened.place, { reference: { repository: 'app', tag: 'v1' }, queue })
      expect(report).toMatchObject({
        digest: image.digest,
        completeness: 'whole',
        tags: ['stable', 'v1'],
        image: {
          kind: 'image',
          platform: 'linux/amd64',
          configSummary: { cmd: ['run'] },
          layers: [{ state: 'there' }],
        },
      })
      expect(report.referrers.map(({ digest, subject, tags }) => ({ digest, subject, tags }))).toEqual([
        { digest: signature.digest, subject: image.digest, tags: [] },
        { digest: old.digest, subject: null, tags: [tag] },
      ])
    })

    it('are not shown by a tag that means something else', async () => {
      await using opened = await open()
      const app = opened.repository('app')
      const { digest } = await putImage(app, 'amd64', { tags: ['v1'] })
      await putImage(app, 'arm64', { tags: ['v2'] })
      const inspect = (tag: string) =>
        inspectImage(opened.place, { reference: { repository: 'app', tag, digest }, queue })
      expect(await inspect('v1')).toMatchObject({ digest, tags: ['v1'] })
      for (const tag of ['v2', 'v3']) await expect(inspect(tag)).rejects.toMatchObject({ code: 'not-found' })
    })

    it('lose a tag and stay, or go with all their tags', async () => {
      await using opened = await open()
      const app = opened.repository('app')
      const { digest } = await putImage(app, 'amd64', { tags: ['v1', 'v2', 'v3'] })
      const remove = (references: object[], isForced = false) =>
        removeImages(opened.place, { references: references as [], isForced })
      expect(await remove([{ repository: 'app', tag: 'v1' }])).toMatchObject([
        { kind: 'tag', tag: 'v1', isLast: false },
      ])
      expect(await app.tag('v1')).toBeUndefined()
      await expect(remove([{ repository: 'app', digest }])).rejects.toMatchObject({ code: 'conflict' })
      expect(await app.manifest(digest)).toBeDefined()
      expect(await remove([{ repository: 'app', digest }], true)).toMatchObject([{ tags: ['v2', 'v3'] }])
      expect(await app.manifest(digest)).toBeUndefined()
      await expect(remove([{ repository: 'app', digest }], true)).rejects.toMatchObject({ code: 'not-found' })
    })

    it('are not taken out of an index by mistake', async () => {
      await using opened = await open()
      const app = opened.repository('app')
      const child = await putImage(app, 'amd64')
      const index = { mediaType: mediaTypes.index, manifests: [forLinux(child, 'amd64')] }
      const { digest } = await putManifest(app, index, ['v1'])
      const references = [{ repository: 'app', digest: child.digest }]
      await expect(removeImages(opened.place, { references })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(`it is a part of ${digest}`) as string,
      })
      const both = [...references, { repository: 'app', digest }, { repository: 'app', tag: 'v1' }]
      expect(await removeImages(opened.place, { references: both, isDryRun: true })).toHaveLength(3)
      expect(await app.manifest('v1')).toBeDefined()
      expect(await removeImages(opened.place, { references: both })).toHaveLength(3)
      expect(await app.manifest(child.digest)).toBeUndefined()
    })
  })
}
