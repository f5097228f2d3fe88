import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDataDirectory } from './data-directory.ts'

let parent: string
let path: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'stowage-data-'))
  path = join(parent, 'data')
})
afterEach(async () => {
  await chmod(parent, 0o700)
  await rm(parent, { recursive: true })
})

describe('openDataDirectory', () => {
  it('makes a directory and opens it again', async () => {
    await (await openDataDirectory(path, 'mirror'))[Symbol.asyncDispose]()
    await using again = await openDataDirectory(path, 'mirror')
    expect(again.path).toBe(path)
  })

  it('makes those above it, too', async () => {
    await using directory = await openDataDirectory(join(path, 'a/b'), 'mirror')
    expect(directory.path).toBe(join(path, 'a/b'))
  })

  it.each(['/proc/x', '/proc/x/y'])('says that there is no place for %s', async (place) => {
    await expect(openDataDirectory(place, 'mirror')).rejects.toThrow(`--data /proc/x`)
  })

  it('refuses a second process until the first has ended, however it ended', async () => {
    const script = `
      import { openDataDirectory } from ${JSON.stringify(new URL('data-directory.ts', import.meta.url).href)}
      const held = await openDataDirectory(${JSON.stringify(path)}, 'agent').catch((error) => error)
      console.log(held.code ?? 'held')
      process.kill(process.pid, 'SIGKILL')`
    const other = async (): Promise<string> => {
      const run = promisify(execFile)(process.execPath, ['--conditions=source', '--input-type=module', '-e', script])
      return (await run.catch((error: { stdout: string }) => error)).stdout
    }
    expect(await other()).toBe('held\n')
    await using _held = await openDataDirectory(path, 'agent')
    expect(await other()).toBe('conflict\n')
    await expect(openDataDirectory(path, 'agent')).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(path),
    })
  })

  it('refuses to work in what it may not write to, unless it is to be read only', async () => {
    await (await openDataDirectory(path, 'mirror'))[Symbol.asyncDispose]()
    await chmod(parent, 0o755)
    await chmod(path, 0o555)
    const script = `
      import { openDataDirectory } from ${JSON.stringify(new URL('data-directory.ts', import.meta.url).href)}
      if (process.getuid() === 0) process.setuid(65534)
      for (const mayBeReadOnly of [false, true]) {
        const held = await openDataDirectory(${JSON.stringify(path)}, 'mirror', { mayBeReadOnly }).catch((error) => error)
        console.log(held.message ?? 'opened')
      }`
    const run = promisify(execFile)(process.execPath, ['--conditions=source', '--input-type=module', '-e', script])
    expect((await run).stdout).toBe(`--data ${path}: no permission to write there\nopened\n`)
    await chmod(path, 0o755)
  })

  it('refuses the directory of another kind, of a newer version, or of somebody else', async () => {
    await (await openDataDirectory(path, 'mirror'))[Symbol.asyncDispose]()
    await expect(openDataDirectory(path, 'agent')).rejects.toThrow(/belongs to a Stowage mirror/)
    await writeFile(join(path, 'stowage.json'), '{"kind":"mirror","version":2}')
    await expect(openDataDirectory(path, 'mirror')).rejects.toThrow(/newer Stowage/)
    await writeFile(join(path, 'stowage.json'), '{')
    await expect(openDataDirectory(path, 'mirror')).rejects.toThrow(/cannot be read/)
    await writeFile(join(parent, 'precious'), '')
    await expect(openDataDirectory(parent, 'mirror')).rejects.toThrow(/holds other files \(.*precious/)
    expect(await readdir(parent)).not.toContain('stowage.lock')
    await expect(openDataDirectory(join(parent, 'precious'), 'mirror')).rejects.toThrow(/not a directory/)
  })
})
