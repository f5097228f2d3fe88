import { execa } from 'execa'
import type { Bench } from '../scenario.ts'

/** What a command took, from its start to its end. */
export interface CommandTime {
  readonly wallSeconds: number
  /** User and system time of the command and of what it started and waited for. */
  readonly cpuSeconds: number
}

/**
 * Runs a command under the `time` of bash, which counts alike whatever the command is.
 * @throws Error with what the command said, if it fails
 */
export async function timeCommand(
  command: string,
  args: readonly string[],
  { signal }: Pick<Bench, 'signal'>,
): Promise<CommandTime> {
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@"'
  const ran = await execa('bash', ['-c', script, 'bash', command, ...args], {
    env: { LC_ALL: 'C' },
    cancelSignal: signal,
    stdin: 'ignore',
  })
  const [wall, user, system] = (ran.stderr.trimEnd().split('\n').at(-1) ?? '').split(' ').map(Number)
  if (wall === undefined || user === undefined || system === undefined) {
    throw new Error(`bash did not say how long ${command} took: ${ran.stderr}`)
  }
  return { wallSeconds: wall, cpuSeconds: user + system }
}
