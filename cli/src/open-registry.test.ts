import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { machineCredentials } from './open-registry.ts'

const log = pino({ level: 'silent' })
const { signal } = new AbortController()
const image = { registry: 'r.example', repository: 'team/app' }
const answer = {
  kind: 'CredentialProviderResponse',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  cacheKeyType: 'Global',
  auth: { 'r.example/team': { username: 'of the plugin', password: 'p' } },
}

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'stowage-machine-'))
  await mkdir(path.join(directory, 'bin'))
  const auths = { 'r.example': { username: 'of the file', password: 'p' } }
  await writeFile(path.join(directory, 'config.json'), JSON.stringify({ auths }))
  const provider = {
    name: 'plugin',
    matchImages: ['r.example'],
    defaultCacheDuration: '1h',
    apiVersion: answer.apiVersion,
  }
  const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers: [provider] }
  await writeFile(path.join(directory, 'providers.yaml'), JSON.stringify(config))
  await writeFile(
    path.join(directory, 'bin/plugin'),
    `#!/bin/sh\ncat > /dev/null\necho '${JSON.stringify(answer)}'\n`,
    {
      mode: 0o755,
    },
  )
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const open = (flags: object) =>
  machineCredentials({ env: { ...process.env, DOCKER_CONFIG: directory }, signal }, { ...flags, log })

it('finds what is in the Docker configuration before what plugins give, as the kubelet does', async () => {
  const source = await open({
    imageCredentialProviderConfig: path.join(directory, 'providers.yaml'),
    imageCredentialProviderBinDir: path.join(directory, 'bin'),
  })
  expect(await source(image)).toMatchObject([{ username: 'of the file' }, { username: 'of the plugin' }])
  expect(await (await open({}))(image)).toMatchObject([{ username: 'of the file' }])
})

it.each([{ imageCredentialProviderConfig: 'x' }, { imageCredentialProviderBinDir: 'x' }])(
  'refuses %o alone',
  async (flags) => {
    await expect(open(flags)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('need each other'),
    })
  },
)
