import { randomBytes } from 'node:crypto'
import { execa } from 'execa'
import { deleteNamespace, sweepNamespaces } from './delete-namespace.ts'

/** A network namespace of one test, with nothing in it but loopback. Needs `requirePart('netns')`. */
export interface Namespace extends AsyncDisposable {
  /** As `ip netns list` says it. */
  readonly name: string
  readonly file: string
  /**
   * What a program is started by to run inside: it becomes the program, so a signal reaches that and nothing else. Not
   * `ip netns exec`, which mounts /sys anew and hides the cgroups.
   */
  readonly launcher: readonly [string, ...string[]]
  /** Runs a program inside to its end. @throws Error if that is not 0 */
  run(command: string, args?: readonly string[]): Promise<string>
}

/**
 * Makes a network namespace. Disposing of it kills whatever still runs inside; what runs that died before it could do so
 * left behind is taken away here.
 * @param label tells namespaces of one test apart for a person who looks
 */
export async function createNamespace(label: string): Promise<Namespace> {
  await sweepNamespaces()
  const name = `stowage-test-${process.pid}-${randomBytes(4).toString('hex')}-${label}`
  const file = `/run/netns/${name}`
  const launcher = ['nsenter', `--net=${file}`, '--'] as const
  await execa('ip', ['netns', 'add', name])
  await execa('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  return {
    name,
    file,
    launcher,
    async run(command, args = []) {
      const [nsenter, ...into] = launcher
      return (await execa(nsenter, [...into, command, ...args], { stdin: 'ignore' })).stdout
    },
    [Symbol.asyncDispose]: () => deleteNamespace(name),
  }
}
