import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { startDockerRegistry } from '../harness/docker-registry.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { startLink } from '../link/start-link.ts'
import { startReplica, type Replica } from './start-replica.ts'
import { withService } from './with-bucket.ts'

const mebibyte = 1024 * 1024
/**
 * Of the link, for both. Each replica notes in the bucket what it has every 2 s, and who notes later goes on behind that: with what
 * it has of it in memory, as long as it is not ahead by more than 2 MiB. At this rate none gets so far ahead in that time.
 */
const rate = mebibyte

requirePart(
  'versitygw',
  'docker-registry',
  'skopeo',
)('two mirrors over one bucket that fetch the same blob at the same time', () => {
  const service = withService()

  it('serve it both, and fetch it hardly more than once each', async () => {
    await using journey = await openJourney()
    await using registry = await startDockerRegistry({ directory: journey.at('registry') })
    const works = await openImageWorks(journey.at('layout'))
    const image = await works.make({ layerSizes: [3 * mebibyte] })
    await works.push(image, registry, 'shop/app:v1')
    await using link = await startLink({ upstream: registry.url, rate })
    const upstreams = journey.at('upstreams.yaml')
    await writeFile(upstreams, JSON.stringify({ upstreams: [{ host: 'reg.example', url: link.url }] }))
    const replica = { service: service(), directory: journey.directory, prefix: 'pulling' }
    const start = (name: string) => startReplica({ ...replica, name }, '--upstreams', upstreams)
    await using one = await start('one')
    await using other = await start('other')

    const layer = image.layers[0]!
    async function pull({ url }: Replica): Promise<string> {
      const at = `${url}/v2/reg.example/shop/app`
      const manifest = await fetch(`${at}/manifests/v1`, { headers: { accept: '*/*' } })
      await manifest.arrayBuffer()
      const answer = await fetch(`${at}/blobs/${layer.digest}`)
      const hash = createHash('sha256')
      for await (const chunk of answer.body!) hash.update(chunk)
      return `sha256:${hash.digest('hex')}`
    }
    expect(await Promise.all([pull(one), pull(other)])).toEqual([layer.digest, layer.digest])
    const { blobBytes } = (await link.stats()).total
    // Once each, and what one compares of it (four samples of 4 KiB) whenever it goes on behind what is the other's.
    expect(blobBytes).toBeLessThan(2.05 * layer.size)
    await pull(one)
    expect((await link.stats()).total.blobBytes).toBe(blobBytes)
  })
})
