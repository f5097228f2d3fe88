import path from 'node:path'
import { execa } from 'execa'
import { projectDirectory } from '../harness/project-directory.ts'

/**
 * Builds what would be published. Run from the sources, each process would hold the compiler that strips their types, which
 * no user has.
 */
export async function buildStowage(): Promise<void> {
  await execa('tsc', ['-b', 'tsconfig.build.json'], { cwd: projectDirectory, preferLocal: true })
}

/** The command line of the `stowage` that was built, as one process. */
export function builtStowage(args: readonly string[]): [command: string, ...args: string[]] {
  return [process.execPath, path.join(projectDirectory, 'cli/dist/main.js'), '--log-format', 'json', ...args]
}
