import { chmod } from 'node:fs/promises'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { makeBadImages } from '../harness/containerd/bad-images.ts'
import { containerdFiles } from '../harness/containerd/containerd-config.ts'
import { readContents } from '../harness/containerd/containerd-contents.ts'
import { openContainerdSite } from '../harness/containerd/containerd-site.ts'
import { obedientRoot } from '../harness/containerd/obedient-root.ts'
import { runContainer } from '../harness/containerd/run-container.ts'
import { expandingImage, runnableImage } from '../harness/containerd/runnable-image.ts'
import { startContainerd } from '../harness/containerd/start-containerd.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { createIsland } from '../harness/island.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent, untilSaid } from '../harness/said-of-image.ts'
import { mountSmallDisk } from '../harness/small-disk.ts'
import { createOciLayout } from '../image-maker/oci-layout.ts'

const mebibyte = 1024 * 1024

for (const release of ['containerd', 'containerd-2'] as const) {
  requirePart(release, 'busybox')(`on ${release}, images that cannot be unpacked or run`, () => {
    it.concurrent(
      'are named with the reason, keep no other waiting, and what takes their place comes',
      async (test) => {
        await using journey = await openJourney(test)
        const flags = ['--image-cache-refresh-frequency', '1s']
        await using site = await openContainerdSite(journey, release, { centre: { flags } })
        const { centre, agent, containerd, works, source } = site
        const good = await site.pushRunnable('good:v1')
        const bad = await makeBadImages(works.layout)
        const pushed = await Promise.all(
          Object.entries(bad).map(async ([name, { root, ...said }]) => ({
            ...(await works.push(root, source, `${name}:v1`)),
            ...said,
          })),
        )
        const images = [good, ...pushed].map(({ reference }) => reference)
        await writeImageCache(centre.caches, { name: 'shop', images })
        await untilPresent(centre, good)
        for (const { reference, words, centreWords } of pushed) {
          const view = await untilSaid(centre, reference, centreWords ?? words)
          expect(view).toMatchObject({ state: 'failed', percent: view.percent === null ? null : expect.any(Number) })
          expect(view.percent ?? 0).toBeLessThan(100)
          if (!centreWords) await agent.program().waitForLine(words)
        }
        const listed = Object.keys((await readContents(containerd)).images)
        for (const { reference } of pushed) expect(listed).not.toContain(reference)

        const mended = await Promise.all(Object.keys(bad).map((name) => site.pushRunnable(`${name}:v1`)))
        for (const image of mended) await untilPresent(centre, image)
        const isTidy = async (): Promise<boolean> => {
          const { leases, ingests, content } = await readContents(containerd)
          return leases.length + ingests.length === 0 && pushed.every(({ root }) => !(root.digest in content))
        }
        await eventually(isTidy, { what: 'nothing left of the bad ones', withinMs: 30_000 })
      },
    )

    it.concurrent('end an import in an error that names each, as does what is wrong with containerd', async (test) => {
      await using journey = await openJourney(test)
      const files = containerdFiles(journey.at('c'))
      const layout = await createOciLayout(journey.at('made'))
      const names = { good: 'shop.example/good:v1', large: 'shop.example/large:v1' }
      await layout.name((await runnableImage({ layout }, { text: 'good' })).manifest, names.good)
      const bad = Object.entries(await makeBadImages(layout))
      for (const [name, { root }] of bad) await layout.name(root, `shop.example/${name}:v1`)
      const file = await tarOf(layout.directory)
      const runtime = `containerd:${files.socket}`
      const island = (...flags: string[]) => createIsland(journey.at('island'), { runtime, flags })

      expect(await island().import(file)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^stowage: there is no socket .*containerd\.sock: is containerd running/m),
      })
      await using disk = await mountSmallDisk(files.root, 80 * mebibyte)
      await using containerd = await startContainerd({ directory: files.directory, release })
      expect(await island('--containerd-namespace', 'shop').import(file)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^stowage: containerd has no namespace "shop"; there are: .*create shop/m),
      })
      expect(await island('--snapshotter', 'floppy').import(file)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^stowage: the snapshotter "floppy" is not known .*there are: .*overlayfs/m),
      })
      await chmod(files.socket, 0)
      expect(await island().import(file, { launcher: obedientRoot })).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^stowage: no permission to use the socket .*: run as root/m),
      })
      await chmod(files.socket, 0o600)

      const imported = await island().import(file)
      expect(imported).toMatchObject({ code: 2, stderr: expect.stringContaining('5 of 6 images were not brought:') })
      expect(imported.stdout).toContain(`present ${names.good} `)
      for (const [name, { words }] of bad) {
        expect(imported.stdout).toContain(`failed  shop.example/${name}:v1 `)
        expect(imported.stderr.split('\n').find((line) => line.includes(`/${name}:v1: `))).toMatch(words)
      }
      await using container = await runContainer(containerd, { image: names.good })
      expect([await container.exited(), await container.output()]).toEqual([0, 'good\n'])

      const more = await createOciLayout(journey.at('more'))
      await more.name((await expandingImage({ layout: more }, { text: 'large' }, 100 * mebibyte)).manifest, names.large)
      const large = await tarOf(more.directory)
      expect(await island().import(large)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/large:v1: the disk of containerd is full: .*no space left on device/),
      })
      await disk.resize(300 * mebibyte)
      expect(await island().import(large)).toMatchObject({ code: 0 })
      await using largeOne = await runContainer(containerd, { image: names.large })
      expect([await largeOne.exited(), await largeOne.output()]).toEqual([0, 'large\n'])
    })
  })
}

async function tarOf(directory: string): Promise<string> {
  const file = `${directory}.tar`
  await execa('tar', ['--create', '--file', file, '--directory', directory, '.'])
  return file
}
