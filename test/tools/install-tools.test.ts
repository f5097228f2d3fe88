import { existsSync } from 'node:fs'
import { mkdir, mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { toolDirectory, whyNotInstalled } from './tool-directory.ts'

const script = path.join(import.meta.dirname, 'install-tools.ts')

/** Without anything that could be called, and with a cache of its own. */
async function install(cache: string, ...groups: string[]) {
  const env = { PATH: '/nonexistent', STOWAGE_TOOLS: cache }
  return execa(process.execPath, [script, ...groups], { env, reject: false })
}

const temporary = () => mkdtempDisposable(path.join(tmpdir(), 'stowage-tools-'))

describe('npm run tools', () => {
  it('names its groups to who asks for none or for one that is not there', async () => {
    await using cache = await temporary()
    for (const groups of [[], ['containerd-2', 'containerd-3']]) {
      const { exitCode, stderr } = await install(cache.path, ...groups)
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringContaining(
          'conformance containerd-1.7 containerd-2 crane etcd helm kubeconform kubernetes oras versitygw',
        ),
      ])
    }
  })

  it('tells what cannot be had, and why, and leaves nothing half', async () => {
    await using cache = await temporary()
    const { exitCode, stderr } = await install(cache.path, 'containerd-1.7', 'etcd')
    expect(exitCode).toBe(3)
    expect(stderr).toMatch(/containerd-1\.7 1\.7\.24 cannot be had: there is no apt-get/)
    expect(stderr).toMatch(/etcd 3\.\S+ cannot be had: Go \S+ or newer is needed/)
    expect(await readdir(cache.path)).toEqual([])
  })

  it('does not install again what is there', async () => {
    await using cache = await temporary()
    const directory = path.join(cache.path, path.basename(toolDirectory('etcd')))
    await mkdir(directory)
    const { exitCode, stdout } = await install(cache.path, 'etcd')
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`is there: ${directory}`)])
  })
})

it('a group is there or is said not to be', () => {
  const isThere = existsSync(toolDirectory('etcd'))
  expect(whyNotInstalled('etcd')).toEqual(isThere ? undefined : expect.stringMatching(/^etcd 3\.\S+ is not installed$/))
})
