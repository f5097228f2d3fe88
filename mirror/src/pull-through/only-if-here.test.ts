import { expect, it } from 'vitest'
import { addFakeImage } from '../registry/fake-image.ts'
import { openFakeUpstream } from '../registry/fake-upstream.ts'
import { localPath, openFakeMirror } from './fake-mirror.ts'

it('fetches nothing for who asks only for what is here', async () => {
  await using upstream = await openFakeUpstream()
  const { root, layer } = addFakeImage(upstream)
  await using mirror = await openFakeMirror(upstream)
  const headers = { 'cache-control': 'only-if-cached' }
  const look = async (path: string): Promise<number> => (await mirror.ask(`${localPath}/${path}`, { headers })).status
  const paths = ['manifests/v1', `manifests/${root.digest}`, `blobs/${layer.digest}`]
  for (const path of paths) expect(await look(path)).toBe(404)
  expect(upstream.requests).toEqual([])
  for (const path of paths) await (await mirror.ask(`${localPath}/${path}`)).arrayBuffer()
  const before = upstream.requests.length
  for (const path of paths) expect(await look(path)).toBe(200)
  expect(upstream.requests).toHaveLength(before)
})
