import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { createPrograms } from './programs.ts'
import type { Credentials } from './push-layout.ts'
import type { Spawned } from './spawned.ts'

export interface DockerRegistryOptions {
  /** Holds configuration, log and `data/`; what an earlier registry stored there is served again. */
  readonly directory: string
  /** On 127.0.0.1. Default: any free one; give the `port` of an earlier registry to come back as the same. */
  readonly port?: number
  /** Whether `registryCredentials` are asked for (Basic), even to read. Default: no. */
  readonly auth?: boolean
  /** What it is started by, such as `taskset -c 0`; it must become the registry, not run it. */
  readonly launcher?: readonly string[]
  /** At its best: descriptors in memory, as Debian's own configuration has them, and no log line for each request. */
  readonly isForSpeed?: boolean
}

/** A running Debian docker-registry on loopback, plain HTTP. */
export interface DockerRegistry extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
  /** As references begin: `127.0.0.1:PORT`. */
  readonly host: string
  readonly port: number
  readonly pid: number
  readonly credentials: Credentials | undefined
  /** Ends it with SIGTERM; its data stays. */
  stop(): Promise<void>
}

/** What a registry with `auth` lets in. */
export const registryCredentials: Credentials = { username: 'stowage', password: 'secret' }

/** The password above under bcrypt, the only form that docker-registry reads; cost 4, so that requests stay fast. */
const htpasswd = 'stowage:$2b$04$Vbzzh2evlsCNN0dGoOlLTevs5f2K8e0RZ0ZOyhSsaF2b772k1renG\n'

/**
 * Starts `docker-registry serve` and waits until `/v2/` answers. Tests that call it need `requirePart('docker-registry')`.
 * @throws Error with the registry's last words if it does not come up
 */
export async function startDockerRegistry(options: DockerRegistryOptions): Promise<DockerRegistry> {
  const { directory, auth = false, launcher = [], isForSpeed = false } = options
  // With few words it does not say which port it found.
  const port = options.port ?? (isForSpeed ? await freePort() : 0)
  await mkdir(directory, { recursive: true })
  const config = path.join(directory, 'config.json')
  await writeFile(path.join(directory, 'htpasswd'), htpasswd)
  await writeFile(config, JSON.stringify(configOf({ ...options, port })))
  const programs = createPrograms()
  try {
    const outputFile = path.join(directory, 'registry.log')
    const [command, ...args] = [...launcher, 'docker-registry', 'serve', config]
    const program = programs.start(command, args, { name: 'docker-registry', outputFile })
    const host = isForSpeed ? `127.0.0.1:${port}` : await hostOf(program)
    const url = `http://${host}`
    const answers = async (): Promise<boolean> => [200, 401].includes((await fetch(`${url}/v2/`)).status)
    await eventually(answers, { what: `an answer of the registry at ${host}` })
    return {
      url,
      host,
      port: Number(host.split(':')[1]),
      pid: program.pid,
      credentials: auth ? registryCredentials : undefined,
      stop: () => programs.stopAll(),
      [Symbol.asyncDispose]: () => programs.stopAll(),
    }
  } catch (error) {
    await programs.stopAll()
    throw error
  }
}

async function hostOf(program: Spawned): Promise<string> {
  const [, host = ''] = await program.waitForLine(/listening on (127\.0\.0\.1:\d+)/)
  return host
}

/** JSON is YAML too. */
function configOf({ directory, port, auth = false, isForSpeed = false }: DockerRegistryOptions): object {
  const basic = { htpasswd: { realm: 'stowage tests', path: path.join(directory, 'htpasswd') } }
  return {
    version: '0.1',
    log: { level: isForSpeed ? 'error' : 'info', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: path.join(directory, 'data') },
      delete: { enabled: true },
      ...(isForSpeed ? { cache: { blobdescriptor: 'inmemory' } } : {}),
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: `127.0.0.1:${port}`, secret: 'of tests' },
    ...(auth ? { auth: basic } : {}),
  }
}
