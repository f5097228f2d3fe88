import { generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { freePort } from '../free-port.ts'
import { startGuard } from '../guard.ts'
import { startRestartable, type Restartable } from '../restartable.ts'
import { spawnProgram, type Spawned } from '../spawned.ts'
import { untilAnswers } from '../until-answers.ts'
import { apiServerCommand, etcdCommand, kubeApiFiles, type KubeApiFiles } from './kube-api-commands.ts'
import { kubeProgram } from './kube-programs.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { sweepKubeApi } from './sweep-kube-api.ts'

/** A real kube-apiserver on a real etcd; no kubelet, no scheduler, no controllers. */
export interface KubeApi extends AsyncDisposable {
  readonly url: string
  readonly etcdUrl: string
  readonly files: KubeApiFiles
  /** May be killed and started again; etcd stays. */
  readonly server: Restartable
  /** Runs kubectl as administrator; resolves with what it printed. */
  kubectl(...args: string[]): Promise<string>
  /** Makes or changes objects. */
  apply(...objects: object[]): Promise<void>
  /** Reads one object. */
  get<T>(...args: string[]): Promise<T>
  /** Reads a path as administrator, without the cost of a process. */
  ask(path: string): Promise<string>
  /** Ends all of it; only its files are left. */
  stop(): Promise<void>
}

const adminToken = 'of-tests'

/**
 * Starts both and waits until the API server is ready. Tests that call it need `requirePart('kube-api')`.
 * @throws Error with the last words of the program that does not come up
 */
export async function startKubeApi({ directory }: { readonly directory: string }): Promise<KubeApi> {
  const files = kubeApiFiles(directory)
  const ports = { etcd: await freePort(), etcdPeer: await freePort(), api: await freePort() }
  const url = `https://127.0.0.1:${ports.api}`
  await writeAccess(files, url)
  await using opening = new AsyncDisposableStack()
  const guard = startGuard(path.join(import.meta.dirname, 'sweep-abandoned.ts'), [directory])
  opening.defer(() => guard.dismiss())
  opening.defer(() => sweepKubeApi(directory))

  const kubectl = async (...args: string[]): Promise<string> => {
    const { stdout } = await execa(kubeProgram('kubectl'), ['--kubeconfig', files.kubeconfig, ...args])
    return stdout
  }
  const begin = ([file, ...args]: readonly [string, ...string[]]): Spawned => {
    const name = path.basename(file)
    return spawnProgram(file, args, { name, outputFile: path.join(directory, `${name}.log`) })
  }
  const etcd = begin(etcdCommand(files, ports))
  // Without a farewell: nothing of it is to be used again.
  opening.defer(async () => void (await etcd.kill()))
  const server = await startRestartable(
    () => begin(apiServerCommand(files, ports)),
    (program) => untilAnswers(program, () => kubectl('get', '--raw', '/readyz')),
  )
  opening.defer(async () => void (await server.kill()))
  // Whoever makes an object in it right away must not be told that it is not there yet.
  await untilAnswers(server.program(), () => kubectl('get', 'namespace', 'default'))

  const opened = opening.move()
  const stop = (): Promise<void> => opened.disposeAsync()
  let applied = 0
  return {
    url,
    etcdUrl: `http://127.0.0.1:${ports.etcd}`,
    files,
    server,
    kubectl,
    async apply(...items) {
      const file = path.join(directory, `objects-${++applied}.json`)
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
      await kubectl('apply', '--filename', file)
    },
    get: async <T>(...args: string[]) => JSON.parse(await kubectl('get', ...args, '--output=json')) as T,
    ask: (asked) => patiently(() => askAsAdmin(`${url}${asked}`)),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** A server that has much to do closes connections. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === 5) throw error
      await delay(tries * 200)
    }
  }
}

/** @throws Error with its answer if that is none of success */
async function askAsAdmin(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { authorization: `Bearer ${adminToken}` }
  get(url, { headers, rejectUnauthorized: false, signal: AbortSignal.timeout(30_000) }, resolve).on('error', reject)
  const answer = await promise
  const body = await text(answer)
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}: ${body.slice(0, 1000)}`)
  return body
}

async function writeAccess(files: KubeApiFiles, server: string): Promise<void> {
  await mkdir(files.directory, { recursive: true })
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(files.serviceAccountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }))
  await writeFile(files.tokens, `${adminToken},admin,admin,system:masters\n`)
  await writeKubeconfig(files.kubeconfig, { server, token: adminToken })
}
