import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { projectDirectory } from '../harness/project-directory.ts'

const rooms = ['mirror', 'controller', 'node-agent']
const tsconfigOf = (room: string): string => `${room}/tsconfig.json`

const refused = [
  ['mirror', '@stowage/controller/reconcile'],
  ['mirror', '@stowage/node-agent/sync'],
  ['mirror', 'stowage/config'],
  ['controller', '@stowage/node-agent/sync'],
  ['controller', 'stowage/config'],
  ['node-agent', '@stowage/controller/reconcile'],
  ['node-agent', 'stowage/config'],
] as const

it.each(refused)('the compiler refuses that %s imports %s, even as a type', async (room, specifier) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'stowage-compiler-walls-'))
  try {
    await copyFromProject(directory, 'tsconfig.base.json', 'not-for-this-room.d.ts', ...rooms.map(tsconfigOf))
    await symlink(path.join(projectDirectory, 'node_modules'), path.join(directory, 'node_modules'))
    await mkdir(path.join(directory, room, 'src'))
    await writeFile(path.join(directory, room, 'src', 'a.ts'), `export type { A } from '${specifier}'\n`)
    const { stdout, exitCode } = await execa('tsc', ['--project', room, '--noEmit'], {
      cwd: directory,
      preferLocal: true,
      localDir: projectDirectory,
      reject: false,
    })
    expect(stdout).toContain(`${room}/src/a.ts(1,24): error TS2306`)
    expect(exitCode).not.toBe(0)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

async function copyFromProject(directory: string, ...files: string[]): Promise<void> {
  await Promise.all(files.map((file) => cp(path.join(projectDirectory, file), path.join(directory, file))))
}
