import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { projectDirectory } from '../harness/project-directory.ts'

/** `stowage` as a user has it. */
export interface Installation extends AsyncDisposable {
  /** The command line that runs it as one process. */
  command(args: readonly string[]): [command: string, ...args: string[]]
}

const packages: Readonly<Record<string, string>> = {
  mirror: '@stowage/mirror',
  controller: '@stowage/controller',
  'node-agent': '@stowage/node-agent',
  cli: 'stowage',
}

/**
 * Builds what would be published, and puts it aside as if it were installed; disposing takes that away. Run from the
 * sources, each process would hold the compiler that strips their types, which no user has.
 */
export async function installStowage(): Promise<Installation> {
  await execa('tsc', ['-b', 'tsconfig.build.json'], { cwd: projectDirectory, preferLocal: true })
  // Inside the checkout, so that what others wrote is found in its node_modules.
  const cache = path.join(projectDirectory, '.cache')
  await mkdir(cache, { recursive: true })
  const directory = await mkdtemp(path.join(cache, 'bench-'))
  const modules = path.join(directory, 'node_modules')
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    for (const [room, name] of Object.entries(packages)) {
      for (const part of await publishedParts(path.join(projectDirectory, room))) {
        await cp(path.join(projectDirectory, room, part), path.join(modules, name, part), { recursive: true })
      }
    }
  } catch (error) {
    await remove()
    throw error
  }
  return {
    command: (args) => [path.join(modules, 'stowage/bin/stowage'), '--log-format', 'json', ...args],
    [Symbol.asyncDispose]: remove,
  }
}

/** What npm would pack. */
async function publishedParts(room: string): Promise<string[]> {
  const text = await readFile(path.join(room, 'package.json'), 'utf8')
  return ['package.json', ...(JSON.parse(text) as { files: string[] }).files]
}
