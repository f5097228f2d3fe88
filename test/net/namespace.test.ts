import { existsSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { execa } from 'execa'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { createPrograms } from '../harness/programs.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'
import { forwardPort } from './forward-port.ts'
import { createNamespace } from './namespace.ts'

const programs = createPrograms()
afterEach(() => programs.stopAll())

requirePart('netns')('a network namespace', () => {
  it('has loopback and nothing else', async () => {
    await using namespace = await createNamespace('a')
    const links = JSON.parse(await namespace.run('ip', ['-j', 'link'])) as { ifname: string; flags: string[] }[]
    expect(links.map(({ ifname }) => ifname)).toEqual(['lo'])
    expect(links[0]!.flags).toContain('UP')
  })

  it('says what a program in it said when that failed', async () => {
    await using namespace = await createNamespace('a')
    await expect(namespace.run('sh', ['-c', 'echo no luck >&2; exit 3'])).rejects.toThrow('no luck')
  })

  it('takes with it what runs inside', async () => {
    await using namespace = await createNamespace('a')
    const [nsenter, ...into] = namespace.launcher
    const program = programs.start(nsenter, [...into, 'sh', '-c', 'trap "" TERM; echo on; sleep 1000'])
    await program.waitForLine(/^on$/)
    await namespace[Symbol.asyncDispose]()
    expect(await program.exited).toMatchObject({ signal: 'SIGKILL' })
    expect(existsSync(namespace.file)).toBe(false)
  })

  it('is swept by the next run when its own was killed', async () => {
    const source = `import { createNamespace } from './test/net/namespace.ts'
      console.log((await createNamespace('left')).name)
      setInterval(() => {}, 1000)`
    const args = ['--conditions=source', '--input-type=module-typescript', '-e', source]
    const dead = programs.start(process.execPath, args, { cwd: projectDirectory })
    const [name] = await dead.waitForLine(/^stowage-test-.*$/)
    // It must not be in the dead run's own hands, so that it outlives that.
    const inside = execa('nsenter', [`--net=/run/netns/${name}`, 'sleep', '1000'], { reject: false })
    await eventually(async () => (await execa('ip', ['netns', 'pids', name])).stdout !== '')
    await dead.kill()
    await using _ = await createNamespace('next')
    expect((await inside).signal).toBe('SIGKILL')
    expect(existsSync(`/run/netns/${name}`)).toBe(false)
  })

  it('shows a port of its loopback where the test runs', async () => {
    await using namespace = await createNamespace('a')
    const port = await freePort()
    const source = `const { createServer } = require('node:http')
      createServer((_, response) => response.end('from inside')).listen(${port}, '127.0.0.1', () => console.log('on'))`
    const [nsenter, ...into] = namespace.launcher
    const server = programs.start(nsenter, [...into, process.execPath, '-e', source])
    await server.waitForLine(/^on$/)
    const url = `http://127.0.0.1:${port}/`
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    await using _ = await forwardPort(namespace, port)
    expect(await (await fetch(url)).text()).toBe('from inside')
    await server.kill()
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })
})
