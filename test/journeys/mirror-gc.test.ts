import { access, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { collectionSchema } from '@stowage/mirror/store/gc/gc-operation'
import { digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { describe, expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { untilHeld } from '../harness/node-files.ts'
import { openSite } from '../harness/site.ts'
import { runStowage, spawnStowage } from '../harness/stowage.ts'

const token = 'x'.repeat(32)
const atOnce = ['--gc-grace', '0s', '--gc-untagged', '0s']

async function isStored(data: string, digest: Digest): Promise<boolean> {
  return await access(path.join(data, 'blobs/sha256', hexOf(digest))).then(
    () => true,
    () => false,
  )
}

describe('a centre that collects garbage without a pause', () => {
  it.concurrent('keeps what nodes need, and lets go what a moved tag meant before', async (test) => {
    await using journey = await openJourney(test)
    await writeFile(journey.at('token'), token)
    const orders = ['--operator-token-file', journey.at('token')]
    // Longer than from a set that is stored to an assignment that names it.
    const soon = ['--gc-every', '50ms', '--gc-grace', '2s', '--gc-untagged', '1s']
    const flags = [...soon, '--image-cache-refresh-frequency', '1s', ...orders]
    await using site = await openSite(journey, { centre: { flags } })
    const { works, source, centre, agent } = site
    const before = await works.push(await works.make({ seed: 'before' }), source, 'app:v1')
    const other = await site.push('other')
    await writeImageCache(centre.caches, { name: 'shop', images: [before.reference, other.reference] })
    await untilHeld(agent.layout, [before, other])
    expect(await isStored(centre.data, before.root.digest)).toBe(true)

    const after = await works.push(await works.make({ seed: 'after' }), source, 'app:v1')
    await untilHeld(agent.layout, [after, other])
    await eventually(async () => !(await isStored(centre.data, before.root.digest)), {
      what: 'the version before gone from the centre',
      withinMs: 30_000,
    })
    const place = ['--mirror', centre.url, '--mirror-token-file', journey.at('token')]
    const { stdout, stderr } = await runStowage(['mirror', 'gc', '--dry-run', ...place])
    expect(stdout + stderr).toMatch(/looked at|being collected there already/)
    await source.stop()
    await using late = await startAgent({ directory: journey.at('late'), central: centre.url })
    await untilHeld(late.layout, [after, other])
  })
})

describe('stowage mirror gc', () => {
  async function startMirror(journey: Journey) {
    await writeFile(journey.at('token'), token)
    const data = journey.at('data')
    const flags = ['--data', data, '--listen', '127.0.0.1:0', '--objects-token-file', journey.at('token')]
    const program = spawnStowage(['--log-format', 'json', 'mirror', ...flags], { outputFile: journey.at('mirror.log') })
    const [, url = ''] = await program.waitForLine(/"url":"(http:[^"]+)"/)
    const place = ['--mirror', url, '--mirror-token-file', journey.at('token')]
    return { program, url, data, place, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() }
  }

  async function gc(args: readonly string[]) {
    const { code, stdout, stderr } = await runStowage(['mirror', 'gc', ...atOnce, '-o', 'json', ...args])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return collectionSchema.parse(JSON.parse(stdout))
  }

  it.concurrent('frees what nobody named, at a mirror that runs and on its data when it does not', async (test) => {
    await using journey = await openJourney(test)
    await using mirror = await startMirror(journey)
    const [one, two] = ['one', 'another blob'] as const
    const push = async (text: string): Promise<void> => {
      const begun = await fetch(`${mirror.url}/v2/app/blobs/uploads/`, { method: 'POST' })
      const put = `${mirror.url}${begun.headers.get('location')}?digest=${digestOf(text)}`
      expect((await fetch(put, { method: 'PUT', body: text })).status).toBe(201)
    }
    await push(one)
    expect(await gc([...mirror.place, '--dry-run'])).toMatchObject({ links: { condemned: 1 } })
    expect(await gc(mirror.place)).toMatchObject({ links: { condemned: 1 } })
    await push(two)
    expect(await gc(mirror.place)).toMatchObject({ links: { condemned: 1, deleted: 1 }, blobs: { condemned: 1 } })

    const inUse = await runStowage(['mirror', 'gc', '--data', mirror.data])
    expect(inUse).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/in use.*--mirror URL/) as string,
    })
    await mirror.program.stop()
    const place = ['--data', mirror.data]
    expect(await gc(place)).toMatchObject({ links: { deleted: 1 }, blobs: { deleted: 1, bytesDeleted: one.length } })
    expect(await gc(place)).toMatchObject({ blobs: { deleted: 1, bytesDeleted: two.length } })
    expect(await isStored(mirror.data, digestOf(two))).toBe(false)
    const words = await runStowage(['mirror', 'gc', ...place])
    expect(words.stdout).toMatch(/^looked at +repositories 0, .* blobs stored 0$/m)
    expect(words.stdout).toContain('freed          0 B')
  })

  it.concurrent('ends at the mirror when it is interrupted', async (test) => {
    await using journey = await openJourney(test)
    await makeLinks(journey.at('data'), 10_000)
    await using mirror = await startMirror(journey)
    const asking = spawnStowage(['mirror', 'gc', ...mirror.place])
    await mirror.program.waitForLine(/"operation begun"/)
    expect((await asking.kill('SIGINT')).code).toBe(130)
    await mirror.program.waitForLine(/who asked for it went away.*"operation ended early"/)
    expect((await fetch(`${mirror.url}/v2/`)).status).toBe(200)
  })

  it.concurrent.each([
    [['--data', 'x', '--mirror', 'http://127.0.0.1:1'], /not both/],
    [['--mirror', 'http://127.0.0.1:1'], /--mirror-token-file FILE/],
    [['--mirror', 'http://user:hunter2@x'], /--mirror.*without user/],
    [['--data', 'x', '--gc-grace', 'soon'], /--gc-grace.*"soon"/],
  ])('is refused with %j', async (args, said) => {
    const { code, stdout, stderr } = await runStowage(['mirror', 'gc', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(said)
    expect(stderr).not.toContain('hunter2')
  })
})

/** A repository that takes a while to look at. */
async function makeLinks(data: string, count: number): Promise<void> {
  const directory = path.join(data, 'repositories/app/_links/sha256')
  await mkdir(directory, { recursive: true })
  await writeFile(path.join(data, 'stowage.json'), '{"kind":"mirror","version":1}\n')
  const link = JSON.stringify({ mediaType: 'application/octet-stream', size: 1 })
  for (let n = 0; n < count; n++) await writeFile(path.join(directory, hexOf(digestOf(String(n)))), link)
}
