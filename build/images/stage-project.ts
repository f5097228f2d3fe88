import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import * as z from 'zod'
import { projectDirectory } from '../../test/harness/project-directory.ts'

const rooms = ['mirror', 'controller', 'node-agent', 'cli'] as const
const rootFiles = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.base.json', 'tsconfig.build.json']
const packageSchema = z.object({
  name: z.string(),
  version: z.string(),
  files: z.array(z.string()),
})

/** A package of ours as it would be published, built. */
export interface OwnPackage {
  readonly name: string
  readonly version: string
  readonly directory: string
  /** Files and directories in it that are published, besides package.json. */
  readonly files: readonly string[]
}

/** A copy of the project with the production dependencies of `stowage` for one CPU. */
export interface StagedProject {
  readonly nodeModules: string
  /** Compiles and lists the rooms. */
  buildPackages(): Promise<OwnPackage[]>
}

/**
 * Copies what is built from, so that the checkout is not touched, and lets npm install what the lock file names, by its
 * digests, for another CPU than the machine's too.
 */
export async function stageProject(directory: string, cpu: string): Promise<StagedProject> {
  await copy(directory, ...rootFiles, 'not-for-this-room.d.ts')
  const { workspaces } = z
    .object({ workspaces: z.array(z.string()) })
    .parse(await readJson(path.join(projectDirectory, 'package.json')))
  await copy(directory, ...workspaces.map((workspace) => `${workspace}/package.json`))
  const platform = [`--cpu=${cpu}`, '--os=linux', '--libc=glibc']
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const args = ['ci', '--workspace=stowage', '--omit=dev', '--ignore-scripts', ...platform, ...quiet]
  await execa('npm', args, { cwd: directory, stdout: process.stderr, stderr: process.stderr })
  const nodeModules = path.join(directory, 'node_modules')
  return { nodeModules, buildPackages: () => buildPackages(directory, nodeModules) }
}

async function buildPackages(directory: string, nodeModules: string): Promise<OwnPackage[]> {
  const built = ['src', 'proto', 'tsconfig.json', 'tsconfig.build.json']
  const wanted = rooms.flatMap((room) => built.map((name) => `${room}/${name}`))
  await copy(directory, ...wanted.filter((name) => existsSync(path.join(projectDirectory, name))))
  await linkMissingTypes(nodeModules)
  const options = { cwd: directory, preferLocal: true, localDir: projectDirectory } as const
  await execa('tsc', ['-b', 'tsconfig.build.json'], { ...options, stdout: process.stderr, stderr: process.stderr })
  return Promise.all(
    rooms.map(async (room) => {
      const ofRoom = path.join(directory, room)
      if (existsSync(path.join(ofRoom, 'node_modules')))
        throw new Error(`${room} has dependencies that npm did not hoist`)
      const { name, version, files } = packageSchema.parse(await readJson(path.join(ofRoom, 'package.json')))
      return { name, version, files: files.filter((file) => file !== 'bin'), directory: ofRoom }
    }),
  )
}

/** The compiler needs types of packages that are no dependency of what runs. */
async function linkMissingTypes(nodeModules: string): Promise<void> {
  const types = path.join(projectDirectory, 'node_modules/@types')
  await mkdir(path.join(nodeModules, '@types'), { recursive: true })
  for (const name of await readdir(types)) {
    const link = path.join(nodeModules, '@types', name)
    if (!existsSync(link)) await symlink(path.join(types, name), link)
  }
}

async function copy(directory: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await cp(path.join(projectDirectory, name), path.join(directory, name), { recursive: true })
  }
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8'))
}
