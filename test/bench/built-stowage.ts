import { cp, rm } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { projectDirectory } from '../harness/project-directory.ts'

const packages = {
  mirror: '@stowage/mirror',
  controller: '@stowage/controller',
  'node-agent': '@stowage/node-agent',
  cli: 'stowage',
}

// Inside the checkout, so that what others wrote is found in its node_modules.
const installation = path.join(projectDirectory, '.cache/bench/node_modules')

/**
 * Builds what would be published, and puts it aside as if it were installed. Run from the sources, each process would hold
 * the compiler that strips their types, which no user has.
 */
export async function buildStowage(): Promise<void> {
  await execa('tsc', ['-b', 'tsconfig.build.json'], { cwd: projectDirectory, preferLocal: true })
  await rm(installation, { recursive: true, force: true })
  for (const [room, name] of Object.entries(packages)) {
    for (const part of ['package.json', 'dist']) {
      await cp(path.join(projectDirectory, room, part), path.join(installation, name, part), { recursive: true })
    }
  }
}

/** The command line of the `stowage` that was built, as one process. */
export function builtStowage(args: readonly string[]): [command: string, ...args: string[]] {
  return [process.execPath, path.join(installation, 'stowage/dist/main.js'), '--log-format', 'json', ...args]
}
