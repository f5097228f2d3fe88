import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { checkWhole } from '@stowage/mirror/store/crash-model/whole-store'
import { openFsStore } from '@stowage/mirror/store/fs-store'
import { collectionSchema } from '@stowage/mirror/store/gc/gc-operation'
import { openRemoteStore } from '@stowage/mirror/store/remote/remote-store'
import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { openJourney } from '../harness/journey.ts'
import { startRestartable } from '../harness/restartable.ts'
import { runStowage, spawnStowage } from '../harness/stowage.ts'
import { testCount } from '../harness/test-count.ts'
import { testSeed } from '../harness/test-seed.ts'
import { seededRandom } from '../link/seeded-random.ts'
import { createMirrorClient, isBroken, makeImages, type MirrorClient } from './mirror-client.ts'

const kills = testCount('STOWAGE_MIRROR_KILLS', 20)
/** Clients do some of their deeds between two kills, and are amidst one when it comes. */
const longestLifeMs = 700
const names = ['a', 'team/b', 'team/b/c']

it(
  `a mirror that collects garbage loses nothing in ${kills} kills`,
  { timeout: 120_000 + kills * 10_000 },
  async () => {
    await using journey = await openJourney()
    const random = seededRandom(testSeed('mirror kills'))
    const token = randomBytes(32).toString('hex')
    await writeFile(journey.at('token'), token)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const collecting = ['--gc-every', '20ms', '--gc-grace', '1s', '--gc-untagged', '1s']
    const place = ['--data', journey.at('data'), '--objects-token-file', journey.at('token')]
    await using mirror = await startRestartable(
      () =>
        spawnStowage(['--log-format', 'json', 'mirror', '--listen', `127.0.0.1:${port}`, ...place, ...collecting], {
          outputFile: journey.at('mirror.log'),
        }),
      (program) => program.waitForLine(/"url":"http:/),
    )
    await using remote = openRemoteStore({ url: new URL(url), token: async () => token })
    const content = createContentStore(remote)
    const images = makeImages(9, random)
    const clients = names.map((repository, n) =>
      createMirrorClient({ url, repository, neighbour: names[(n + 1) % names.length]!, content, images, random }),
    )

    const over = new AbortController()
    const working = clients.map((client) => work(client, over.signal))
    const failed = Promise.all(working)
    failed.catch(() => undefined)
    for (let kill = 0; kill < kills; kill++) {
      await Promise.race([delay(random() * longestLifeMs), failed])
      await mirror.kill()
      await mirror.start()
    }
    over.abort()
    await failed
    for (const client of clients) await client.check()
    console.log(JSON.stringify(clients.map(({ tally }) => tally)))
    await mirror.stop()

    await verify(journey.at('data'))
    const fsck = await runStowage(['mirror', 'fsck', '--data', journey.at('data'), '--read-data'])
    expect(fsck).toMatchObject({ code: 0, stderr: '' })
    const flags = ['--data', journey.at('data'), '--gc-grace', '0s', '--gc-untagged', '0s', '-o', 'json']
    const gc = async () => {
      const { code, stdout, stderr } = await runStowage(['mirror', 'gc', ...flags])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return collectionSchema.parse(JSON.parse(stdout))
    }
    for (let turn = 0; turn < 3; turn++) await gc()
    expect(await gc()).toMatchObject({ links: { condemned: 0, deleted: 0 }, blobs: { condemned: 0, deleted: 0 } })
    await verify(journey.at('data'))
    await mirror.start()
    for (const client of clients) await client.check()
  },
)

/** Goes on through kills, and ends with what is broken. */
async function work(client: MirrorClient, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    try {
      await client.act()
    } catch (error) {
      if (isBroken(error)) throw error
      // It is being killed, or not up yet, or says that something is to be brought again.
      await delay(20)
    }
  }
  // What was unknown is looked at when all is calm.
  await eventually(
    async () => {
      await client.check()
      return true
    },
    { what: 'a look at what is there', withinMs: 30_000 },
  )
}

const isContent = /^(blobs|repositories|condemned|holds)\//

/** Nothing is there that is not whole, by a reader that shares nothing with the mirror's memory. */
async function verify(directory: string): Promise<void> {
  await using objects = await openFsStore({ directory })
  await checkWhole({
    ...objects,
    async *list(prefix, options) {
      // What others remember beside the content is theirs.
      for await (const info of objects.list(prefix, options)) if (isContent.test(info.key)) yield info
    },
  })
}
