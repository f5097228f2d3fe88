import path from 'node:path'
import { freePort } from '../../harness/free-port.ts'
import type { Registry, StartOptions } from './registry.ts'

export interface StartStowageOptions extends StartOptions {
  /** More for `stowage mirror`. */
  readonly flags?: readonly string[]
}

/** Starts `stowage mirror`, and waits until it listens. */
export async function startStowage(
  directory: string,
  { programs, stowage, cores, flags = [] }: StartStowageOptions,
): Promise<Registry> {
  const host = `127.0.0.1:${await freePort()}`
  const commandLine = stowage.command(['mirror', '--data', path.join(directory, 'data'), '--listen', host, ...flags])
  const [command = '', ...args] = [...cores.server, ...commandLine]
  const program = programs.start(command, args, { name: 'stowage mirror' })
  await program.waitForLine(/"msg":"listening"/)
  return { name: 'stowage', url: `http://${host}`, pid: program.pid }
}
