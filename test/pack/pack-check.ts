import { glob, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa, ExecaError } from 'execa'
import { projectDirectory } from '../harness/project-directory.ts'

const packages = ['mirror', 'controller', 'node-agent', 'cli']
const unwanted = [
  '**/*.test.*',
  '**/*.conformance.*',
  '**/*.tsbuildinfo',
  '**/fake-*',
  '**/testing/**',
  '**/crash-model/**',
  'src/**',
]

// npm puts its own node first on PATH for scripts: a user has none of that.
const env = {
  PATH: (process.env['PATH'] ?? '').split(path.delimiter).filter(isOutsideTheCheckout).join(path.delimiter),
}

/** Builds and packs what would be published, installs it as a user does, and runs it there. */
async function packCheck(directory: string): Promise<void> {
  await build()
  const tarballs = await Promise.all(packages.map((name) => pack(name, directory)))
  await install(tarballs, directory)
  await loadEveryModule(directory)
  await openGrpcChannel(directory)
  const version = await stowage(directory, '--version')
  const help = await stowage(directory, '--help')
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`stowage --version says: ${version}`)
  if (!help.includes('Usage: stowage')) throw new Error(`stowage --help says: ${help}`)
  console.log(`packed, installed and started: stowage ${version}`)
}

/** What is built lies in the checkout only while this runs: other tools would take it for sources. */
async function removeBuilt(): Promise<void> {
  await Promise.all(
    packages.map((name) => rm(path.join(projectDirectory, name, 'dist'), { recursive: true, force: true })),
  )
}

async function build(): Promise<void> {
  await removeBuilt()
  await execa('tsc', ['-b', 'tsconfig.build.json'], { cwd: projectDirectory, preferLocal: true, stdio: 'inherit' })
}

async function pack(name: string, destination: string): Promise<string> {
  const cwd = path.join(projectDirectory, name)
  const { stdout } = await execa('npm', ['pack', '--silent', `--pack-destination=${destination}`], { cwd, env })
  return path.join(destination, stdout.trim())
}

async function install(tarballs: readonly string[], cwd: string): Promise<void> {
  await writeFile(path.join(cwd, 'package.json'), JSON.stringify({ name: 'pack-check', private: true }))
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs]
  await execa('npm', args, { cwd, env, stdio: 'inherit' })
}

/** A dependency that is declared only for development, or a test that slipped into the package, shows here. */
async function loadEveryModule(cwd: string): Promise<void> {
  const installed = packages.map((name) => (name === 'cli' ? 'stowage' : `@stowage/${name}`))
  const files = await Promise.all(installed.map((name) => filesOf(path.join(cwd, 'node_modules', name))))
  const modules = files.flat().filter((file) => file.endsWith('.js') && !file.endsWith('/stowage/dist/main.js'))
  const load = path.join(cwd, 'load.mjs')
  await writeFile(load, modules.map((file) => `await import(${JSON.stringify(file)})\n`).join(''))
  await execa(process.execPath, [load], { cwd, env, stdio: 'inherit' })
  console.log(`${modules.length} modules load from the installed packages`)
}

/** What is no module must be in the package, too. */
async function openGrpcChannel(cwd: string): Promise<void> {
  const open = path.join(cwd, 'open.mjs')
  const specifier = '@stowage/node-agent/runtime/containerd/grpc-channel'
  await writeFile(
    open,
    `import { openGrpcChannel } from ${JSON.stringify(specifier)}
openGrpcChannel({ socket: '/nowhere', metadata: {} })
`,
  )
  await execa(process.execPath, [open], { cwd, env, stdio: 'inherit' })
  console.log('the protos are found')
}

async function filesOf(directory: string): Promise<string[]> {
  const slipped = await Array.fromAsync(glob(unwanted, { cwd: directory }))
  if (slipped.length > 0) throw new Error(`${directory} must not carry ${slipped.join(', ')}`)
  return Array.fromAsync(glob('dist/**/*.js', { cwd: directory }), (file) => path.join(directory, file))
}

async function stowage(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await execa('npx', ['--no-install', 'stowage', ...args], { cwd, env })
  return stdout
}

function isOutsideTheCheckout(directory: string): boolean {
  return !path.resolve(directory).startsWith(path.join(projectDirectory, 'node_modules'))
}

const directory = await mkdtemp(path.join(tmpdir(), 'stowage-pack-'))
try {
  await packCheck(directory)
} catch (error) {
  console.error(error instanceof ExecaError ? error.message : error)
  process.exitCode = 1
} finally {
  await removeBuilt()
  await rm(directory, { recursive: true, force: true })
}
