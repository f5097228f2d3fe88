import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { startMirror } from '../clients/start-mirror.ts'
import { startRoundRobinRequests } from '../harness/round-robin-requests.ts'
import { startS3Service } from '../harness/s3-service.ts'
import { startReplica } from '../s3/start-replica.ts'
import type { ConformanceRun, Door } from './conformance-runs.ts'
import type { SuiteOptions } from './run-suite.ts'

/** What a run of the suite asks. */
export interface Registry extends Pick<SuiteOptions, 'host' | 'login'>, AsyncDisposable {}

/** `htpasswd -nbB conformance 'a password'` */
const user = 'conformance:$2y$10$nIba7db3HYvhSBh.6wXal.Hj7pgrwdQ2c5yNhh7HGALBRe1QHEFoW'
const login = { name: 'conformance', password: 'a password' }

/** Starts one mirror that keeps everything below a directory. */
export async function startRegistry(directory: string, { door }: Pick<ConformanceRun, 'door'>): Promise<Registry> {
  const mirror = await startMirror(directory, '--allow-sparse', ...(await doorFlags(directory, door)))
  return {
    host: mirror.host,
    login: door === 'open' ? undefined : login,
    [Symbol.asyncDispose]: () => mirror[Symbol.asyncDispose](),
  }
}

/** Starts two mirrors over one bucket that take turns: each request goes to the other one than the one before it. */
export async function startReplicas(directory: string): Promise<Registry> {
  await using starting = new AsyncDisposableStack()
  const service = starting.use(await startS3Service(directory))
  const start = async (name: string) => {
    const options = { service, directory, name, prefix: 'conformance' }
    return starting.use(await startReplica(options, '--allow-sparse'))
  }
  const replicas = await Promise.all(['first', 'second'].map(start))
  const { url } = starting.use(await startRoundRobinRequests(replicas.map((replica) => replica.url)))
  const started = starting.move()
  return { host: new URL(url).host, login: undefined, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

/** Writes what a mirror needs to know of its users. */
async function doorFlags(directory: string, door: Door): Promise<string[]> {
  if (door === 'open') return []
  const file = path.join(directory, 'htpasswd')
  await writeFile(file, user)
  return ['--htpasswd-file', file, '--challenge', door]
}
