import { describe, expect, it } from 'vitest'
import { Fault, isFault } from '../oci/fault.ts'
import { credentialsFromAll, credentialsFromDockerConfig, credentialsFromEntries } from './credential-source.ts'
import type { Credential } from './credential.ts'
import { parseDockerConfig } from './docker-config.ts'

const hub = { registry: 'docker.io', repository: 'library/nginx' }
const gcr = { registry: 'gcr.io', repository: 'team/app' }
const credential = (username: string): Credential => ({ username, password: 'p', origin: 'test' })
const names = (found: readonly (Credential | Fault)[]) =>
  found.map((each) => (isFault(each) ? each.code : each.username))

describe('credentialsFromDockerConfig', () => {
  const config = parseDockerConfig(
    JSON.stringify({
      auths: { 'gcr.io': { username: 'file', password: 'p' }, 'https://index.docker.io/v1/': {} },
      credHelpers: { 'gcr.io': 'gcloud' },
      credsStore: 'pass',
    }),
    'config.json',
  )
  const sourceOf = (answers: Record<string, string>) => {
    const asked: string[] = []
    const source = credentialsFromDockerConfig(config, {
      askHelper: async (helper, server) => {
        asked.push(`${helper} ${server}`)
        const answer = answers[helper]
        if (answer === 'broken') throw new Fault('invalid', 'credential helper is not installed')
        return answer === undefined ? undefined : credential(answer)
      },
    })
    return { source, asked }
  }

  it('asks the helper of the host and nobody else, and then reads auths', async () => {
    const { source, asked } = sourceOf({ gcloud: 'helper' })
    expect(names(await source(gcr))).toEqual(['helper', 'file'])
    expect(asked).toEqual(['gcloud gcr.io'])
  })

  it('asks the store for Docker Hub by the name that Docker uses', async () => {
    const { source, asked } = sourceOf({ pass: 'stored' })
    expect(names(await source(hub))).toEqual(['stored'])
    expect(asked).toEqual(['pass https://index.docker.io/v1/'])
  })

  it('passes over a store that does not work', async () => {
    expect(await sourceOf({ pass: 'broken' }).source(hub)).toEqual([])
  })

  it('stops at a helper that is meant for the host and does not work', async () => {
    await expect(sourceOf({ gcloud: 'broken' }).source(gcr)).rejects.toMatchObject({ code: 'invalid' })
  })
})

describe('credentialsFromAll', () => {
  it('keeps the order of its sources', async () => {
    const of = (username: string) => credentialsFromEntries([{ key: 'gcr.io', credential: credential(username) }])
    expect(names(await credentialsFromAll([of('secret'), of('file')])(gcr))).toEqual(['secret', 'file'])
    expect(await credentialsFromAll([of('secret'), of('file')])(hub)).toEqual([])
  })

  it('finds nothing new in what does not change by itself', async () => {
    const source = credentialsFromEntries([{ key: 'gcr.io', credential: credential('secret') }])
    const refused = (await source(gcr)).filter((each): each is Credential => !isFault(each))
    expect(await credentialsFromAll([source])(gcr, { refused })).toEqual([])
  })
})
