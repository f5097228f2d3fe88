import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { makeImage } from '../../image-maker/make-image.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { eventually } from '../eventually.ts'
import { openJourney, type Journey } from '../journey.ts'
import { machinePlatform } from '../machine-platform.ts'
import { createPrograms } from '../programs.ts'
import { requirePart } from '../require-part.ts'
import { busyboxLayer } from './busybox-layer.ts'
import { containerdFiles } from './containerd-config.ts'
import { containerdReleases, type ContainerdRelease } from './containerd-release.ts'
import { findProcesses } from './find-processes.ts'
import { importLayout } from './import-layout.ts'
import { runContainer } from './run-container.ts'
import { startContainerd, type Containerd } from './start-containerd.ts'
import { mountsBelow } from './unmount-below.ts'

const name = 'docker.io/library/greeting:v1'

async function importGreeting(containerd: Containerd, journey: Journey): Promise<void> {
  const layout = await createOciLayout(journey.at('greeting'))
  const greeting = { entries: [{ path: 'greeting', from: { content: 'good morning\n' } }] }
  await makeImage({
    layout,
    name,
    platform: machinePlatform,
    layers: [busyboxLayer(), greeting],
    config: { Cmd: ['cat', '/greeting'], Env: ['PATH=/bin'] },
  })
  await importLayout(containerd, layout, [name])
}

async function leftBy({ files }: Pick<Containerd, 'files'>): Promise<{ processes: number[]; mounts: string[] }> {
  const shims = await findProcesses('containerd-shim-runc-v2', '-address', files.socket)
  const daemons = await findProcesses('containerd', files.config)
  return { processes: [...daemons, ...shims], mounts: await mountsBelow(files.directory) }
}

const nothing = { processes: [], mounts: [] }
const open = (journey: Journey, release: ContainerdRelease): Promise<Containerd> =>
  startContainerd({ directory: journey.at('containerd'), release })

for (const release of containerdReleases) {
  requirePart(release, 'busybox')(`the release ${release}`, () => {
    it('runs what an image says, through CRI', async () => {
      await using journey = await openJourney()
      await using containerd = await open(journey, release)
      expect(await containerd.cri.version()).toMatchObject({ runtimeName: 'containerd' })
      await importGreeting(containerd, journey)
      await using container = await runContainer(containerd, { image: name })
      expect(await container.exited()).toBe(0)
      expect(await container.output()).toBe('good morning\n')
    })

    it('shows a container that runs, and none when it is removed', async () => {
      await using journey = await openJourney()
      await using containerd = await open(journey, release)
      await importGreeting(containerd, journey)
      const { cri } = containerd
      const command = ['sleep', '1000']
      const container = await runContainer(containerd, { image: name, command, env: { WHO: 'you' } })
      expect(await cri.listContainers()).toMatchObject([{ id: container.id, state: 'CONTAINER_RUNNING' }])
      expect(await container.exec('sh', '-c', 'echo "for $WHO"; exit 3')).toEqual({
        exitCode: 3,
        stdout: 'for you\n',
        stderr: '',
      })
      await container.stop()
      expect(await container.status()).toMatchObject({ state: 'CONTAINER_EXITED' })
      await container.remove()
      expect([await cri.listContainers(), await cri.listPodSandbox()]).toEqual([[], []])
    })

    it('keeps images and containers while it is killed and comes back', async () => {
      await using journey = await openJourney()
      await using containerd = await open(journey, release)
      await importGreeting(containerd, journey)
      await using container = await runContainer(containerd, { image: name, command: ['sleep', '1000'] })
      const images = await containerd.cri.listImages()
      await containerd.kill()
      await expect(containerd.cri.listImages()).rejects.toThrow('UNAVAILABLE')
      await containerd.start()
      const sorted = (list: typeof images) => list.toSorted((a, b) => a.id.localeCompare(b.id))
      expect(sorted(await containerd.cri.listImages())).toEqual(sorted(images))
      expect(await container.exec('cat', '/greeting')).toMatchObject({ stdout: 'good morning\n' })
    })

    it.each(['runs', 'is dead'])('leaves no process, mount or shim when it is stopped while it %s', async (state) => {
      await using journey = await openJourney()
      await using containerd = await open(journey, release)
      await importGreeting(containerd, journey)
      const sockets = await shimSockets()
      const container = await runContainer(containerd, { image: name, command: ['sleep', '98765'] })
      await containerd.ctr('run', '--detach', name, `beside-${container.id}`, '/bin/sleep', '98765')
      expect((await leftBy(containerd)).processes).toHaveLength(3)
      if (state === 'is dead') await containerd.kill()
      await containerd.stop()
      expect(await leftBy(containerd)).toEqual(nothing)
      expect(await findProcesses('sleep', '98765')).toEqual([])
      expect(await shimSockets()).toEqual(sockets)
    })
  })
}

requirePart('containerd', 'busybox')('containerd whose test was killed', () => {
  it('goes too, with all that ran on it and all its files', async () => {
    await using journey = await openJourney()
    const directory = journey.at('containerd')
    await using programs = createPrograms()
    const test = programs.start(process.execPath, ['--conditions=source', '--input-type=module', '-e', abandoning], {
      env: { DIRECTORY: directory },
    })
    await test.waitForLine(/runs/)
    const files = containerdFiles(directory)
    expect((await leftBy({ files })).processes).toHaveLength(2)
    await test.kill()
    await eventually(async () => !existsSync(directory), { withinMs: 60_000 })
    expect(await leftBy({ files })).toEqual(nothing)
  })
})

/** A test that does not come to its end. */
const abandoning = `
  const { startContainerd } = await import('${import.meta.dirname}/start-containerd.ts')
  const { runContainer } = await import('${import.meta.dirname}/run-container.ts')
  const { pauseImageName } = await import('${import.meta.dirname}/containerd-config.ts')
  await runContainer(await startContainerd({ directory: process.env.DIRECTORY }), { image: pauseImageName })
  console.log('runs')
  setInterval(() => undefined, 1000)
`

async function shimSockets(): Promise<string[]> {
  return (await readdir('/run/containerd/s').catch(() => [])).toSorted((a, b) => a.localeCompare(b))
}
