import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findProcesses } from '../harness/containerd/find-processes.ts'
import { mountsBelow } from '../harness/containerd/unmount-below.ts'
import { eventually } from '../harness/eventually.ts'
import { createPrograms } from '../harness/programs.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { pushLayout } from '../harness/push-layout.ts'
import { requirePart } from '../harness/require-part.ts'
import type { Spawned } from '../harness/spawned.ts'
import { createOciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'
import { listeningUrl } from './listening-url.ts'

const withinMs = 120_000
const programs = createPrograms()
let temporary: Awaited<ReturnType<typeof mkdtempDisposable>>
let mark: string

beforeEach(async () => {
  temporary = await mkdtempDisposable(path.join(tmpdir(), 'stowage-demo-test-'))
  mark = `TMPDIR=${temporary.path}`
})
afterEach(async () => {
  await programs.stopAll()
  await temporary.remove()
})

function startDemo(args: readonly string[], runtime = 'layout'): Spawned {
  const env = { TMPDIR: temporary.path }
  return programs.node(path.join(projectDirectory, 'test/demo/demo.ts'), [...args, '--runtime', runtime], { env })
}

/** Every program that the demo started, or those started, has its temporary directory in its environment. */
async function processesLeft(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const environments = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')), // Gone, or not ours.
  )
  return pids.filter((_, at) => environments[at]!.split('\0').includes(mark))
}

/** The centre, once it has said something. */
async function pidOfCentre(): Promise<number | undefined> {
  const pids = await processesLeft()
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  const at = commands.findIndex((command) => command.split('\0').includes('up'))
  const [run = ''] = await filesLeft()
  const said = await readFile(path.join(temporary.path, run, 'logs/centre.log'), 'utf8')
  return said.includes('listening') ? Number(pids[at]) : undefined
}

// npm leaves a compile cache of its own.
const filesLeft = async (): Promise<string[]> =>
  (await readdir(temporary.path)).filter((name) => name.startsWith('stowage-'))

for (const runtime of ['layout', 'containerd'] as const) {
  const describeIt = runtime === 'layout' ? describe : requirePart('containerd')
  describeIt(`the demo with ${runtime}`, () => {
    it('brings all images to all nodes, and leaves nothing behind', async () => {
      const demo = startDemo(['--size', 'small'], runtime)
      const { code } = await demo.exited
      const story = demo.lines().join('\n')
      expect(code, story).toBe(0)
      for (const node of ['shop', 'ship', 'clinic', 'island']) expect(story).toMatch(new RegExp(`^${node} .* MB`, 'm'))
      expect(story).toMatch(/^ship .* 1 +\d+s \+ \d+s$/m)
      expect(story).toMatch(runtime === 'layout' ? /, in OCI image layouts/ : /, in containerd \d/)
      expect(await filesLeft()).toEqual([])
      expect(await processesLeft()).toEqual([])
      expect(await mountsBelow(temporary.path)).toEqual([])
    })

    it.each([
      ['SIGINT', /made in/],
      ['SIGTERM', /agent is killed/],
    ] as const)('leaves nothing behind after %s at "%s"', async (signal, line) => {
      const options = { env: { TMPDIR: temporary.path }, cwd: projectDirectory }
      const demo = programs.start('npm', ['run', 'demo', '--', '--size', 'small', '--runtime', runtime], options)
      await demo.waitForLine(line, { withinMs })
      expect(await demo.kill(signal)).toEqual({ code: 130, signal: null })
      expect(await filesLeft()).toEqual([])
      expect(await processesLeft()).toEqual([])
    })

    it.each([/keep their images/, /agent is killed/])(
      'leaves nothing behind when it is killed at "%s"',
      async (line) => {
        const demo = startDemo(['--size', 'small'], runtime)
        await demo.waitForLine(line, { withinMs })
        await demo.kill('SIGKILL')
        const isOver = async (): Promise<boolean> => [...(await processesLeft()), ...(await filesLeft())].length === 0
        await eventually(isOver, { what: 'the end', withinMs: 60_000 })
        expect(await mountsBelow(temporary.path)).toEqual([])
      },
    )
  })
}

requirePart('containerd')('the demo on a machine with containerd', () => {
  it('uses it unless told otherwise', async () => {
    const demo = programs.node(path.join(projectDirectory, 'test/demo/demo.ts'), ['--size', 'small'], {
      env: { TMPDIR: temporary.path },
    })
    await demo.waitForLine(/keep their images in containerd \d+\.\d+\.\d+, one for each node/, { withinMs })
    expect(await demo.kill('SIGTERM')).toEqual({ code: 130, signal: null })
    expect(await filesLeft()).toEqual([])
  })

  it('ends when one of them ends, and keeps what it said', async () => {
    const demo = startDemo(['--size', 'small'], 'containerd')
    await demo.waitForLine(/agent is killed/, { withinMs })
    const [run = ''] = await filesLeft()
    const config = path.join(temporary.path, run, 'clinic/containerd/config.toml')
    const [pid] = await findProcesses('containerd', config)
    process.kill(pid!, 'SIGKILL')
    expect(await demo.exited).toEqual({ code: 1, signal: null })
    const story = demo.lines().join('\n')
    expect(story).toMatch(
      /the containerd of clinic ended by itself with SIGKILL\nThe last lines of clinic-containerd:\n/,
    )
    expect(await processesLeft()).toEqual([])
  })
})

describe('the demo', () => {
  it('brings the images of any registry', async () => {
    const registry = await listeningUrl(
      programs.stowage(['mirror', '--data', path.join(temporary.path, 'registry'), '--listen', '127.0.0.1:0']),
    )
    const layout = await createOciLayout(path.join(temporary.path, 'layout'))
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
    for (const tag of ['1', '2']) {
      const { manifest } = await smallImage(layout, { seed: tag, platform: { os: 'linux', architecture } })
      await pushLayout({ layout, target: manifest, registry, repository: 'team/app', tag })
    }
    const name = `${new URL(registry).host}/team/app`
    const demo = startDemo(['--image', `${name}:1`, '--next', `${name}:2`])
    const { code } = await demo.exited
    expect(code, demo.lines().join('\n')).toBe(0)
    expect(await filesLeft()).toEqual([])
  })

  it('says what is wrong with an image that cannot be had', async () => {
    const demo = startDemo(['--image', '127.0.0.1:1/app:1', '--next', '127.0.0.1:1/app:2'])
    expect(await demo.exited).toEqual({ code: 1, signal: null })
    expect(demo.lines().join('\n')).toMatch(/^The demo failed: images: 127.0.0.1:1: .*refused/)
    expect(await filesLeft()).toEqual([])
  })

  it('says which program failed, shows its last words, and keeps the logs', async () => {
    const demo = startDemo(['--size', 'small'])
    await demo.waitForLine(/made in/, { withinMs })
    const pid = await eventually(pidOfCentre, { what: 'a centre', withinMs })
    process.kill(pid, 'SIGKILL')
    expect(await demo.exited).toEqual({ code: 1, signal: null })
    const story = demo.lines().join('\n')
    expect(story).toMatch(
      /The demo failed: [^:]*: centre ended by itself with SIGKILL\nThe last lines of centre:\n {2}\{/,
    )
    const logs = /are kept in (.*)$/m.exec(story)?.[1] ?? 'nowhere'
    expect(await readdir(logs)).toContain('centre.log')
    expect(await readdir(path.dirname(logs))).toEqual(['logs'])
    expect(await processesLeft()).toEqual([])
  })

  it('says what is wrong with its flags', async () => {
    const demo = startDemo(['--imgae', 'app:1'])
    expect(await demo.exited).toEqual({ code: 2, signal: null })
    expect(demo.lines()[0]).toMatch(/--imgae/)
  })
})
