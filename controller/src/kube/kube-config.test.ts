import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readKubeConfig } from './kube-config.ts'

const kubeconfig = (server: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: server, cluster: { server } }],
    users: [{ name: 'me', user: { token: 't' } }],
    contexts: [{ name: 'here', context: { cluster: server, user: 'me' } }],
    'current-context': 'here',
  })

describe('which cluster it is', () => {
  let directory: string
  const at = (name: string): string => path.join(directory, name)
  const serverOf = (more: object): string | undefined =>
    readKubeConfig({ kubeconfig: undefined, master: undefined, isInCluster: false, ...more }).getCurrentCluster()
      ?.server

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'stowage-kube-config-'))
    await writeFile(at('one'), kubeconfig('https://one'))
    await writeFile(at('two'), kubeconfig('https://two'))
    await writeFile(at('bad'), 'clusters: 7')
  })
  afterAll(() => rm(directory, { recursive: true }))

  it('is said by a file, by the first of several, or by a flag over it', () => {
    expect(serverOf({ kubeconfig: at('one') })).toBe('https://one')
    expect(serverOf({ kubeconfig: `${at('one')}:${at('two')}` })).toBe('https://one')
    expect(serverOf({ kubeconfig: at('one'), master: 'https://three' })).toBe('https://three')
    expect(serverOf({ master: 'https://three' })).toBe('https://three')
  })

  it.each(['nope', 'ftp://three', 'three:6443'])('is not "%s", which is no server', async (master) => {
    expect(() => serverOf({ master })).toThrow(`--master: "${master}" is not the URL of a server`)
    await writeFile(at('odd'), kubeconfig(master))
    expect(() => serverOf({ kubeconfig: at('odd') })).toThrow(/^the server of cluster ".*" in the kubeconfig: /)
  })

  it('is the one that the first file means, also where it stands in the next', async () => {
    const meaning = JSON.parse(kubeconfig('https://two')) as object
    await writeFile(at('means-two'), JSON.stringify({ ...meaning, clusters: [] }))
    expect(serverOf({ kubeconfig: `${at('means-two')}:${at('one')}:${at('two')}` })).toBe('https://two')
  })

  it('must be said by somebody', () => {
    expect(() => serverOf({})).toThrow(/--kubeconfig or KUBECONFIG/)
    expect(() => serverOf({ kubeconfig: at('none') })).toThrow(/cannot be read: there is no such file/)
    expect(() => serverOf({ kubeconfig: at('bad') })).toThrow(/cannot be read|names no cluster/)
  })
})
