import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { toolDirectory } from '../tools/tool-directory.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { startRestartable, type Restartable } from './restartable.ts'
import { spawnProgram } from './spawned.ts'

/** A real S3 service on loopback, with one bucket. It comes back on the port that it had. */
export interface S3Service extends Restartable {
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** What the SDK reads in the environment of a process. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Starts versitygw over a directory, which must be empty or its own, and waits until it answers. Tests that call it need
 * `requirePart('versitygw')`.
 */
export async function startS3Service(directory: string): Promise<S3Service> {
  const [bucket, accessKeyId, secretAccessKey] = ['stowage-tests', 'AKIDOFTESTS', 'a-secret-of-tests']
  const files = path.join(directory, 'buckets')
  await mkdir(path.join(files, bucket), { recursive: true })
  const address = `127.0.0.1:${await freePort()}`
  const endpoint = `http://${address}`
  const command = path.join(toolDirectory('versitygw'), 'versitygw')
  const flags = ['--port', address, '--access', accessKeyId, '--secret', secretAccessKey, '--quiet', '--keep-alive']
  const outputFile = path.join(directory, 'versitygw.log')
  const answers = async (): Promise<boolean> => (await fetch(endpoint)).status === 403
  const service = await startRestartable(
    () => spawnProgram(command, [...flags, 'posix', files], { name: 'versitygw', outputFile }),
    () => eventually(answers, { what: `an answer of versitygw at ${address}`, withinMs: 30_000 }),
  )
  return {
    ...service,
    endpoint,
    bucket,
    accessKeyId,
    secretAccessKey,
    env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: 'us-east-1' },
  }
}
