import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { machineOf, readElf } from './elf.ts'

const prebuilds = path.join(
  path.dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json')),
  'prebuilds',
)
const prebuilt = (name: string): Promise<Buffer> => readFile(path.join(prebuilds, name))

describe('an ELF file', () => {
  it.each([
    ['linux-x64.node', 'amd64'],
    ['linux-arm64.node', 'arm64'],
  ])('%s says that its machine is %s and what it is loaded with', async (name, machine) => {
    const bytes = await prebuilt(name)
    expect(machineOf(bytes)).toBe(machine)
    const { needed, interpreter } = readElf(bytes)
    expect(interpreter).toBeUndefined()
    expect(needed).toContain('libc.so.6')
  })

  it('is told from one of another system', async () => {
    const other = await prebuilt('win32-x64.node')
    expect(machineOf(other)).toBeUndefined()
    expect(() => readElf(other)).toThrow('not an ELF file')
  })
})

it.runIf(process.platform === 'linux')('a program names its loader', async () => {
  const { interpreter, needed } = readElf(await readFile(process.execPath))
  expect(interpreter).toMatch(/^\/lib.*\/ld-linux-.*\.so\.\d$/)
  expect(needed).toContain('libstdc++.so.6')
})
