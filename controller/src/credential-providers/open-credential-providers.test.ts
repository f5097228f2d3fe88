import { chmod, copyFile, mkdir, mkdtemp, open as openFile, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Credential, CredentialSource } from '@stowage/mirror/registry/credential'
import { Fault } from '@stowage/mirror/oci/fault'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCredentialProviders } from './open-credential-providers.ts'

const protocol = 'credentialprovider.kubelet.k8s.io/v1'
const image = { registry: 'r.example', repository: 'team/app' }

describe('openCredentialProviders', () => {
  let root: string
  let stop: AbortController
  let logged: string
  const at = (...names: string[]): string => path.join(root, ...names)

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'stowage-providers-'))
    await mkdir(at('bin'))
    stop = new AbortController()
    logged = ''
  })
  afterEach(async () => {
    stop.abort()
    await rm(root, { recursive: true, force: true })
  })

  const log = () => pino({ level: 'debug' }, { write: (line: string) => (logged += line) })
  const provider = (name: string, more: object = {}) => {
    return { name, matchImages: ['*.example'], defaultCacheDuration: '0s', apiVersion: protocol, ...more }
  }
  const configure = (file: string, ...providers: object[]) =>
    writeFile(
      at(file),
      JSON.stringify({ apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers }),
    )
  /** Of a plugin in JavaScript: `request` is what it is asked, `answer(auth, fields)` prints. */
  const beginning = `#!${process.execPath}
const request = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
const answer = (auth, fields = {}) => console.log(JSON.stringify({ kind: 'CredentialProviderResponse', apiVersion: request.apiVersion, cacheKeyType: 'Image', auth, ...fields }))
`
  const install = async (name: string, script: string, head = beginning): Promise<void> => {
    await writeFile(at('bin', name), head + script)
    await chmod(at('bin', name), 0o755)
  }
  const open = (
    options: { readonly config?: string; readonly env?: NodeJS.ProcessEnv; readonly timeoutMs?: number } = {},
  ) => {
    const { config = 'config.json', env = { PATH: '/bin:/usr/bin' }, timeoutMs } = options
    return openCredentialProviders({
      config: at(config),
      directory: at('bin'),
      env,
      log: log(),
      signal: stop.signal,
      timeoutMs,
    })
  }
  const found = async (source: CredentialSource) =>
    (await source(image)).map((each) => (each instanceof Fault ? each.message : [each.username, each.password]))

  it('asks by the protocol of the kubelet, with its arguments and variables and ours below them', async () => {
    const said = at('said.json')
    await install(
      'plugin',
      `require('node:fs').writeFileSync(${JSON.stringify(said)}, JSON.stringify({ request, args: process.argv.slice(2), a: process.env.A, b: process.env.B }))
answer({ 'r.example': { username: 'u', password: 'p' } })`,
    )
    const env = [{ name: 'A', value: '$HOME `id`' }]
    await configure('config.json', provider('plugin', { args: ['get', '; reboot'], env }))
    const source = await open({ env: { PATH: '/bin:/usr/bin', A: 'ours', B: 'ours' } })
    expect(await found(source)).toEqual([['u', 'p']])
    expect(JSON.parse(await readFile(said, 'utf8'))).toEqual({
      request: { kind: 'CredentialProviderRequest', apiVersion: protocol, image: 'r.example/team/app' },
      args: ['get', '; reboot'],
      a: '$HOME `id`',
      b: 'ours',
    })
  })

  it('asks nobody for an image that is not theirs', async () => {
    await install('plugin', `answer({ '*.example': { username: 'u', password: 'p' } })`)
    await configure('config.json', provider('plugin'))
    expect(await (await open())({ ...image, registry: 'r.example:5000' })).toEqual([])
    expect(logged).not.toContain('credential provider answered')
  })

  it('puts the answers of several together, the most specific first and then in their order', async () => {
    await install(
      'one',
      `answer({ 'r.example': { username: 'one', password: 'p' }, 's.example': { username: 'no', password: 'p' } })`,
    )
    await install(
      'two',
      `answer({ 'r.example': { username: 'two', password: 'p' }, 'r.example/team': { username: 'team', password: 'p' } })`,
    )
    await install('none', 'answer(null)')
    await configure('config.json', provider('none'), provider('one'), provider('two'))
    expect(await found(await open())).toEqual([
      ['team', 'p'],
      ['one', 'p'],
      ['two', 'p'],
    ])
  })

  it('takes the files of a directory in the order of their names', async () => {
    for (const name of ['one', 'two'])
      await install(name, `answer({ 'r.example': { username: '${name}', password: 'p' } })`)
    await mkdir(at('config.d'))
    await configure('config.d/b.yaml', provider('one'))
    await configure('config.d/a.json', provider('two'))
    await writeFile(at('config.d/README'), 'no configuration')
    expect(await found(await open({ config: 'config.d' }))).toEqual([
      ['two', 'p'],
      ['one', 'p'],
    ])
  })

  it.each([
    ['fails', 'console.error("no role"); process.exit(3)', 'failed with exit code 3'],
    ['is killed', 'process.kill(process.pid, "SIGSEGV")', 'was killed by SIGSEGV'],
    ['says no JSON', 'console.log("geheim")', 'answered something that is not JSON'],
    ['says something else', 'console.log("[]")', 'answered something that is not a CredentialProviderResponse'],
    ['says another version', `answer({}, { apiVersion: '${protocol}beta1' })`, 'answered in another apiVersion than'],
    ['says no key type', 'answer({}, { cacheKeyType: "geheim" })', 'answered with a field cacheKeyType that'],
    ['says no duration', 'answer({}, { cacheDuration: "-1h" })', 'answered with a field cacheDuration that'],
    ['says no passwords', 'answer({ a: "geheim" })', 'answered with a field auth that'],
    ['says too much', 'process.stdout.write("geheim".repeat(300_000))', 'printed more than 1024 KiB'],
  ])('gives a fault for a plugin that %s', async (_, script, words) => {
    await install('plugin', script)
    await configure('config.json', provider('plugin'))
    const [fault, ...rest] = await (await open())(image)
    expect(rest).toEqual([])
    expect(fault).toMatchObject({ name: 'Fault', code: 'unavailable' })
    const { message } = fault as Fault
    expect(message).toContain(
      `CredentialProviderFailed: credential provider plugin, asked for r.example/team/app, ${words}`,
    )
    expect(message + logged).not.toContain('geheim')
    expect(logged).toContain('credential provider failed')
  })

  it('says in the log what a plugin said, without what is secret', async () => {
    await install('plugin', 'console.error(`no role for ${process.env.KEY}, password=hunter2`); process.exit(1)')
    await configure('config.json', provider('plugin', { env: [{ name: 'KEY', value: 'geheim' }] }))
    await (
      await open()
    )(image)
    expect(logged).toContain('no role for …, password=…')
  })

  it('ends a plugin that hangs, with what it started', async () => {
    const pid = at('pid')
    await install('plugin', `sleep 600 &\necho $! > '${pid}'\nwait`, '#!/bin/sh\n')
    await configure('config.json', provider('plugin'))
    expect(await found(await open({ timeoutMs: 1500 }))).toEqual([
      expect.stringContaining('did not answer within 1.5 s'),
    ])
    const started = Number(await readFile(pid, 'utf8'))
    await expect.poll(() => isAlive(started), { timeout: 5000 }).toBe(false)
  })

  it('gives a fault for a plugin that is gone, or is no program', async () => {
    await install('plugin', '')
    await configure('config.json', provider('plugin'))
    const sources = [await open(), await open(), await open()]
    await writeFile(at('bin/plugin'), '#!/no/such/interpreter\n')
    expect(await found(sources[0]!)).toEqual([expect.stringContaining('cannot be run: it is not there, or')])
    await chmod(at('bin/plugin'), 0o644)
    expect(await found(sources[1]!)).toEqual([expect.stringContaining('cannot be run: it is not executable')])
    await rm(at('bin/plugin'))
    expect(await found(sources[2]!)).toEqual([expect.stringContaining('cannot be run: it is not there, or')])
  })

  it('gives a fault for a plugin that is being written', async () => {
    await copyFile(process.execPath, at('bin', 'plugin'))
    await chmod(at('bin', 'plugin'), 0o755)
    await configure('config.json', provider('plugin'))
    const source = await open()
    await using _written = await openFile(at('bin', 'plugin'), 'r+')
    expect(await found(source)).toEqual([expect.stringMatching(/plugin, asked for .*, cannot be run \(ETXTBSY\)/)])
  })

  it('gives nothing that was refused, and what is new', async () => {
    await install('plugin', `answer({ 'r.example': { username: 'u', password: 'p' } }, { cacheDuration: '1h' })`)
    await configure('config.json', provider('plugin'))
    let now = 0
    const options = { config: at('config.json'), directory: at('bin'), env: {}, log: log(), signal: stop.signal }
    const source = await openCredentialProviders({ ...options, now: () => now })
    const refused = (await source(image)) as Credential[]
    now = 60_000
    expect(await source(image, { refused })).toEqual([])
    await install('plugin', `answer({ 'r.example': { username: 'u', password: 'new' } }, { cacheDuration: '1h' })`)
    const again = (await source(image)) as Credential[]
    now = 120_000
    expect(await source(image, { refused: again })).toMatchObject([{ username: 'u', password: 'new' }])
  })

  it.each<[string, () => Promise<unknown>, string, string]>([
    [
      'no file',
      async () => undefined,
      'not-found',
      '--image-credential-provider-config ROOT/config.json: there is no such file',
    ],
    [
      'a directory without files',
      () => mkdir(at('config.json')),
      'invalid',
      'there is no .json, .yaml or .yml file in it',
    ],
    [
      'a plugin that is not there',
      () => configure('config.json', provider('absent')),
      'not-found',
      '--image-credential-provider-bin-dir ROOT/bin/absent, which --image-credential-provider-config ROOT/config.json names: there is no such file',
    ],
    [
      'a plugin that is not executable',
      async () => {
        await writeFile(at('bin/plugin'), '')
        await configure('config.json', provider('plugin'))
      },
      'denied',
      'bin/plugin, which --image-credential-provider-config ROOT/config.json names: it is not executable',
    ],
    [
      'a plugin that is a directory',
      async () => {
        await mkdir(at('bin/plugin'))
        await configure('config.json', provider('plugin'))
      },
      'invalid',
      'it is not a file',
    ],
    [
      'one plugin twice',
      async () => {
        await install('plugin', '')
        await configure('config.json', provider('plugin'), provider('plugin'))
      },
      'invalid',
      'providers: plugin is named twice',
    ],
  ])('refuses at its start %s', async (_, prepare, code, message) => {
    await prepare()
    const fault: unknown = await open().catch((error: unknown) => error)
    expect(fault).toMatchObject({ code, message: expect.stringContaining(message.replaceAll('ROOT', root)) })
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // There is no such process.
    return false
  }
}
