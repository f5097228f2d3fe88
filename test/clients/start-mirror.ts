import path from 'node:path'
import { spawnStowage } from '../harness/stowage.ts'

/** `stowage mirror` on loopback, its content below `directory`. */
export interface Mirror extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
  /** As references begin: `127.0.0.1:PORT`. */
  readonly host: string
}

/**
 * Starts a registry and waits until it listens.
 * @throws Error with its last words if it does not come up
 */
export async function startMirror(directory: string, ...more: readonly string[]): Promise<Mirror> {
  const flags = ['--data', path.join(directory, 'data'), '--listen', '127.0.0.1:0', ...more]
  const program = spawnStowage(['--log-format', 'json', '--log-level', 'debug', 'mirror', ...flags], {
    outputFile: path.join(directory, 'mirror.log'),
  })
  const [, url = ''] = await program.waitForLine(/"url":"(https?:[^"]+)"/)
  return { url, host: new URL(url).host, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() }
}
