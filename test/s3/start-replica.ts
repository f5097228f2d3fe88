import path from 'node:path'
import type { S3Service } from '../harness/s3-service.ts'
import type { Spawned } from '../harness/spawned.ts'
import { spawnStowage } from '../harness/stowage.ts'

/** `stowage mirror` over a bucket. */
export interface Replica extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
  readonly program: Spawned
  /** All that it said. */
  readonly logFile: string
}

export interface ReplicaOptions {
  readonly service: S3Service
  /** Gets the log. */
  readonly directory: string
  readonly name: string
  /** Part of the bucket. */
  readonly prefix: string
}

/** Starts a replica and waits until it listens. @throws Error with its last words if it does not come up */
export async function startReplica(
  { service, directory, name, prefix }: ReplicaOptions,
  ...more: readonly string[]
): Promise<Replica> {
  const data = `s3://${service.bucket}/${prefix}`
  const flags = ['--data', data, '--s3-endpoint', service.endpoint, '--listen', '127.0.0.1:0', ...more]
  const logFile = path.join(directory, `${name}.log`)
  const program = spawnStowage(['--log-format', 'json', '--log-level', 'debug', 'mirror', ...flags], {
    name,
    env: service.env,
    outputFile: logFile,
  })
  const [, url = ''] = await program.waitForLine(/"url":"(http:[^"]+)"/)
  return { url, program, logFile, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() }
}
