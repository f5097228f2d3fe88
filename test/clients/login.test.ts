import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { toolDirectory } from '../tools/tool-directory.ts'
import { makeClientImage, type ClientImage } from './client-images.ts'
import { nodeToken, passwords, startGuardedMirror, type GuardedMirror } from './guarded-mirror.ts'

let directory: string
let mirror: GuardedMirror
let made: ClientImage

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'stowage-login-'))
  made = await makeClientImage(directory)
  mirror = await startGuardedMirror(directory)
})
afterAll(async () => {
  await mirror[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

/** Which of the credentials stand in a log, in any form that a client sends them. */
async function credentialsIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  const basic = Object.entries(passwords).map(([name, word]) => Buffer.from(`${name}:${word}`).toString('base64'))
  return [...Object.values(passwords), ...basic, nodeToken, 'stowage1.'].filter((secret) => text.includes(secret))
}

interface Ran {
  readonly ok: boolean
  readonly text: string
}

async function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const { failed, all } = await execa(program, args, { env: { ...mirror.env, ...env }, all: true, reject: false })
  return { ok: !failed, text: all }
}

/** Compared as a whole, so that a failure shows what the program said. */
const went = { ok: true, text: expect.any(String) as string }
const refused = (words: RegExp) => ({ ok: false, text: expect.stringMatching(words) as string })

requirePart('skopeo')('skopeo', () => {
  it('logs in, pushes and pulls; with a wrong password, none, or the rights of another it does not', async () => {
    const skopeo = (...args: string[]): Promise<Ran> => run('skopeo', args)
    const login = (name: 'ann' | 'bob', password: string = passwords[name]): Promise<Ran> =>
      skopeo('login', '--authfile', path.join(directory, name), '-u', name, '-p', password, mirror.host)
    const push = (as: string, repository: string): Promise<Ran> => {
      const auth = as === '' ? ['--dest-no-creds'] : ['--dest-authfile', path.join(directory, as)]
      const from = `oci:${made.layout.directory}:${made.name}`
      return skopeo('copy', '--all', ...auth, from, `docker://${mirror.host}/${repository}:v1`)
    }
    const tagsOf = (repository: string, ...flags: string[]): Promise<Ran> =>
      skopeo('list-tags', ...flags, `docker://${mirror.host}/${repository}`)

    expect(await login('ann', 'wrong')).toEqual(refused(/invalid username\/password/))
    for (const name of ['ann', 'bob'] as const) expect(await login(name)).toEqual(went)
    for (const repository of ['shop/app', 'public/app']) expect(await push('ann', repository)).toEqual(went)
    expect(await push('bob', 'shop/app')).toEqual(refused(/403|denied/))
    expect(await push('', 'shop/app')).toEqual(refused(/unauthorized|authentication required|credentials are needed/))

    expect(await tagsOf('public/app', '--no-creds')).toEqual(went)
    expect(await tagsOf('shop/app', '--authfile', path.join(directory, 'ann'))).toEqual(went)
    expect(await tagsOf('shop/app', '--no-creds')).toEqual(refused(/unauthorized|credentials are needed/))
    expect(await tagsOf('shop/app', '--authfile', path.join(directory, 'bob'))).toEqual(
      refused(/denied|not allowed|403/),
    )
    expect(await tagsOf('shop/app', '--creds', `node:${nodeToken}`)).toEqual(went)
    const annsToShop = ['--src-no-creds', '--dest-authfile', path.join(directory, 'ann')]
    const images = [`docker://${mirror.host}/public/app:v1`, `docker://${mirror.host}/shop/copied:v1`]
    expect(await skopeo('copy', '--all', ...annsToShop, ...images)).toEqual(went)
  })
})

requirePart(
  'podman',
  'skopeo',
  'root',
)('podman', () => {
  it('logs in and pushes what it pulled', async () => {
    const at = path.join(directory, 'podman')
    await mkdir(at)
    await writeFile(path.join(at, 'auth.json'), '{}')
    const store = ['--root', path.join(at, 'store'), '--runroot', path.join(at, 'run'), '--storage-driver', 'vfs']
    const env = { XDG_RUNTIME_DIR: at, TMPDIR: at, REGISTRY_AUTH_FILE: path.join(at, 'auth.json') }
    const podman = (...args: string[]): Promise<Ran> => run('podman', [...store, ...args], env)
    const reference = `${mirror.host}/shop/podman:v1`
    const login = ['login', '-u', 'ann', mirror.host, '-p']

    expect(await podman(...login, 'wrong')).toEqual(refused(/invalid username\/password/))
    const creds = ['--dest-creds', `ann:${passwords.ann}`]
    const published = `docker://${mirror.host}/public/base:v1`
    await run('skopeo', ['copy', '--all', ...creds, `oci:${made.layout.directory}:${made.name}`, published])
    expect(await podman('pull', published)).toEqual(went)
    const image = (await podman('images', '--quiet')).text.trim()
    expect(await podman('push', image, `docker://${reference}`)).toEqual(refused(/unauthorized|credentials are needed/))
    expect(await podman(...login, passwords.ann)).toEqual(went)
    expect(await podman('push', image, `docker://${reference}`)).toEqual(went)
    expect(await podman('pull', `docker://${reference}`)).toEqual(went)
  })
})

requirePart('crane')('crane', () => {
  it('logs in, pushes, mounts into another repository, and lists what may be read', async () => {
    const program = path.join(toolDirectory('crane'), 'crane')
    const as = (name: string) => {
      const env = { DOCKER_CONFIG: path.join(directory, `crane-${name}`) }
      return (...args: string[]): Promise<Ran> => run(program, args, env)
    }
    const [ann, nobody] = [as('ann'), as('nobody')]
    expect(await ann('auth', 'login', mirror.host, '-u', 'ann', '-p', passwords.ann)).toEqual(went)
    const [one, two] = [`${mirror.host}/shop/one`, `${mirror.host}/public/two`]
    expect(await ann('push', '--index', made.layout.directory, `${one}:v1`)).toEqual(went)
    const copied = await ann('copy', '--verbose', `${one}:v1`, `${two}:v1`)
    expect(copied).toMatchObject({ ok: true, text: expect.stringMatching(/mounted blob|201 Created/) as string })
    expect((await ann('catalog', mirror.host)).text.split('\n')).toEqual(
      expect.arrayContaining(['public/two', 'shop/one']),
    )

    expect(await nobody('ls', two)).toEqual({ ok: true, text: 'v1' })
    expect(await nobody('ls', one)).toEqual(refused(/UNAUTHORIZED/))
    expect((await nobody('catalog', mirror.host)).text).not.toContain('shop/')
    expect(await nobody('delete', `${two}:v1`)).toEqual(refused(/UNAUTHORIZED/))
    expect(await ann('delete', `${two}:v1`)).toEqual(went)
  })
})

requirePart('oras')('oras', () => {
  it('logs in, and pushes, attaches and copies artifacts', async () => {
    const config = ['--registry-config', path.join(directory, 'oras.json')]
    const oras = async (...args: string[]): Promise<Ran> => run(path.join(toolDirectory('oras'), 'oras'), args)
    await writeFile(path.join(directory, 'note.txt'), 'a note')
    const login = ['login', mirror.host, ...config, '--ca-file', mirror.caFile, '-u', 'ann', '-p']
    expect(await oras(...login, 'wrong')).toEqual(refused(/401|unauthorized/i))
    expect(await oras(...login, passwords.ann)).toEqual(went)
    const note = ['--disable-path-validation', `${path.join(directory, 'note.txt')}:text/plain`]
    const [one, two] = [`${mirror.host}/shop/note:v1`, `${mirror.host}/public/note:v1`]
    expect(await oras('push', ...config, one, '--artifact-type', 'a/note', ...note)).toEqual(went)
    expect(await oras('attach', ...config, one, '--artifact-type', 'a/mark', ...note)).toEqual(went)
    const both = ['--from-registry-config', config[1]!, '--to-registry-config', config[1]!]
    expect(await oras('cp', '--recursive', ...both, one, two)).toEqual(went)
    expect(await oras('discover', two)).toMatchObject({ ok: true, text: expect.stringContaining('a/mark') as string })
    expect(await oras('discover', one)).toEqual(refused(/401|unauthorized/i))
  })
})

it('writes none of their credentials down', async () => {
  expect(await credentialsIn(path.join(directory, 'mirror.log'))).toEqual([])
})
