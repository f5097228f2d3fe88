import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { eventually } from '../harness/eventually.ts'
import { spawnProgram } from '../harness/spawned.ts'

/** A containerd of a test, with nothing of the machine's own in it. */
export interface Containerd extends AsyncDisposable {
  /** Runs `ctr` against it; resolves with what it printed. */
  ctr(...args: string[]): Promise<string>
}

/**
 * Starts containerd with all its files below `directory`, and without the plugins that want more of the machine. Tests that
 * call it need `requirePart('containerd')`.
 * @throws Error if it does not answer
 */
export async function startContainerd(directory: string): Promise<Containerd> {
  const socket = path.join(directory, 'containerd.sock')
  const config = path.join(directory, 'config.toml')
  await mkdir(directory, { recursive: true })
  await writeFile(config, configOf(directory, socket))
  const outputFile = path.join(directory, 'containerd.log')
  const program = spawnProgram('containerd', ['--config', config], { outputFile })
  const ctr = async (...args: string[]): Promise<string> =>
    (await execa('ctr', ['--address', socket, '--namespace', 'stowage-test', ...args])).stdout
  try {
    await eventually(async () => (await ctr('version')).includes('Server'), { what: 'an answer of containerd' })
  } catch (error) {
    await program.stop()
    throw error
  }
  return { ctr, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() }
}

/** What a test does not need and what a machine might not have. */
const withoutPlugins = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.tracing.processor.v1.otlp',
  ...['aufs', 'btrfs', 'devmapper', 'overlayfs', 'zfs'].map((name) => `io.containerd.snapshotter.v1.${name}`),
]

/** JSON's strings and lists are TOML's. */
function configOf(directory: string, socket: string): string {
  return [
    'version = 2',
    `root = ${JSON.stringify(path.join(directory, 'root'))}`,
    `state = ${JSON.stringify(path.join(directory, 'state'))}`,
    `disabled_plugins = ${JSON.stringify(withoutPlugins)}`,
    '[grpc]',
    `address = ${JSON.stringify(socket)}`,
    '',
  ].join('\n')
}
