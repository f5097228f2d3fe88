import { mkdir, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { passwords, startGuardedMirror } from './guarded-mirror.ts'
import { vendor } from './pulling-mirror.ts'

/** Everybody may pull everything, as far as rules go. */
const accessFile = `rules: [{ repositories: ['**'], who: anyone, may: [pull] }]`
const basicOf = (password: string): string => `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`
const repository = 'shop/app'

it('what was fetched with a credential is for users only, until the file of upstreams says that it is for all', async () => {
  await using journey = await openJourney()
  await using registry = await startGuardedMirror(journey.directory, { tls: false })
  const works = await openImageWorks(journey.at('made'))
  const image = await works.make({ seed: 'private' })
  const credentials = { username: 'ann', password: passwords.ann }
  await works.push(image, { ...registry, credentials }, `${repository}:v1`)

  await mkdir(journey.at('mirror'))
  const upstreams = journey.at('mirror', 'upstreams.yaml')
  const dockerConfig = journey.at('mirror', 'config.json')
  const auth = basicOf(passwords.ann).slice('Basic '.length)
  await writeFile(dockerConfig, JSON.stringify({ auths: { [vendor]: { auth } } }))
  const upstream = { host: vendor, url: registry.url, dockerConfig }
  const write = (entries: readonly object[]): Promise<void> =>
    writeFile(upstreams, JSON.stringify({ upstreams: entries }))
  await write([upstream])
  await using mirror = await startGuardedMirror(journey.at('mirror'), {
    tls: false,
    accessFile,
    flags: ['--upstreams', upstreams],
  })
  const paths = [
    'manifests/v1',
    `manifests/${image.manifest.digest}`,
    ...image.layers.map(({ digest }) => `blobs/${digest}`),
    'tags/list',
  ]
  const asked = async (headers: Record<string, string> = {}): Promise<number[]> => {
    const statuses: number[] = []
    for (const path of paths) {
      const answer = await fetch(`${mirror.url}/v2/${vendor}/${repository}/${path}`, { headers })
      await answer.arrayBuffer()
      statuses.push(answer.status)
    }
    return statuses
  }
  const all = (status: number): number[] => paths.map(() => status)
  const statuses = { ofNobody: () => asked(), ofAnn: () => asked({ authorization: basicOf(passwords.ann) }) }

  expect(await statuses.ofNobody()).toEqual(all(401))
  expect(await statuses.ofAnn()).toEqual(all(200))
  expect(await statuses.ofNobody()).toEqual(all(401))
  const catalog = await fetch(`${mirror.url}/v2/_catalog`)
  expect(await catalog.json()).toEqual({ repositories: [] })

  // Named no more: what is here stays, and stays private.
  await write([{ host: 'other.example' }])
  const other = (): Promise<Response> => fetch(`${mirror.url}/v2/x/manifests/v1?ns=${vendor}`)
  await eventually(async () => (await other()).status === 404, { what: 'the new file', withinMs: 20_000 })
  expect([await statuses.ofNobody(), await statuses.ofAnn()]).toEqual([all(401), all(200)])

  // A mistake changes nothing.
  await write([{ host: 'docker' }])
  await write([{ ...upstream, private: false }])
  await eventually(async () => (await statuses.ofNobody())[0] === 200, { what: 'the newest file', withinMs: 20_000 })
  expect(await statuses.ofNobody()).toEqual(all(200))
})
