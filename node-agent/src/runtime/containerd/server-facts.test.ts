import { describe, expect, it } from 'vitest'
import { serverFacts, type Plugin, type ServerAnswers } from './server-facts.ts'

const plugin = (type: string, id: string, more: Partial<Plugin> = {}): Plugin => ({
  type,
  id,
  exports: {},
  initErr: null,
  ...more,
})
const broken = (message: string): Partial<Plugin> => ({ initErr: { message } })

const overlayfs = plugin('io.containerd.snapshotter.v1', 'overlayfs', { exports: { root: '/c/overlayfs' } })
const native = plugin('io.containerd.snapshotter.v1', 'native')
const content = plugin('io.containerd.content.v1', 'content', { exports: { root: '/c/content' } })
const cri = plugin('io.containerd.grpc.v1', 'cri')
const needs = { namespace: 'k8s.io', snapshotter: 'overlayfs' }

function answers(changes: Partial<ServerAnswers> = {}): ServerAnswers {
  return {
    version: 'v2.4.2',
    plugins: [content, native, overlayfs, cri],
    namespaces: ['default', 'k8s.io'],
    ...changes,
  }
}

describe('a containerd', () => {
  it.each([
    ['1.5.9', { tooOld: true }],
    ['1.4.13~ds1', { tooOld: true }],
    ['0.9.99', { tooOld: true }],
    ['v1.6.0', { syncsUnpacked: false, honoursPins: false }],
    ['1.6.20~ds1', { syncsUnpacked: false, honoursPins: false }],
    ['1.6.22', { syncsUnpacked: false, honoursPins: true }],
    ['v1.6.36', { syncsUnpacked: false, honoursPins: true }],
    ['v1.7.0', { syncsUnpacked: false, honoursPins: false }],
    ['v1.7.2', { syncsUnpacked: false, honoursPins: false }],
    ['v1.7.3', { syncsUnpacked: false, honoursPins: true }],
    ['v1.7.13', { syncsUnpacked: false, honoursPins: true }],
    ['1.7.24~ds1', { syncsUnpacked: true, honoursPins: true }],
    ['v1.7.11-k3s2', { syncsUnpacked: false, honoursPins: true }],
    ['v2.0.0', { syncsUnpacked: true, honoursPins: true }],
    ['v2.1.7', { syncsUnpacked: true, honoursPins: true }],
    ['v2.0.0-rc.3', { syncsUnpacked: true, honoursPins: true }],
    ['v10.0.0+unknown', { syncsUnpacked: true, honoursPins: true }],
    ['1.6', { syncsUnpacked: false, honoursPins: false }],
    ['2.2', { syncsUnpacked: true, honoursPins: true }],
    ['1.5', { tooOld: true }],
    // Built from somewhere, by somebody who did not say what.
    ['4f03e100cb967922bec7459a78d16ccbac9bb81d', { syncsUnpacked: false, honoursPins: true }],
    ['', { syncsUnpacked: false, honoursPins: true }],
  ])('of version "%s" is known by it', (version, expected) => {
    const read = () => serverFacts(answers({ version }), needs)
    if ('tooOld' in expected) expect(read).toThrow(`containerd ${version} is too old: 1.6 or later is needed`)
    else expect(read()).toMatchObject({ version, ...expected })
  })

  it('tells where snapshots and blobs lie', () => {
    expect(serverFacts(answers(), needs)).toMatchObject({
      snapshotsDirectory: '/c/overlayfs',
      blobsDirectory: '/c/content/blobs/sha256',
      hasCri: true,
    })
    const silent = [plugin(overlayfs.type, 'overlayfs')]
    expect(serverFacts(answers({ plugins: silent }), needs)).toMatchObject({
      snapshotsDirectory: undefined,
      blobsDirectory: undefined,
      hasCri: false,
    })
  })

  it.each<[string, Plugin[], string]>([
    [
      'does not have',
      [native, content],
      'the snapshotter "overlayfs" is not known to this containerd; there are: native',
    ],
    [
      'could not start',
      [native, plugin(overlayfs.type, 'overlayfs', broken('no overlay in this kernel'))],
      'the snapshotter "overlayfs" does not work (no overlay in this kernel); there are: native',
    ],
    [
      'has none of',
      [plugin(native.type, 'native', broken('no'))],
      'the snapshotter "overlayfs" is not known to this containerd; there are: none',
    ],
  ])('is refused with a snapshotter that it %s', (_, plugins, words) => {
    expect(() => serverFacts(answers({ plugins }), needs)).toThrow(words)
  })

  it.each<[string, string[], string]>([
    [
      'names those that are there',
      ['default', 'moby'],
      'there are: default, moby. Make it with "ctr namespaces create shop"',
    ],
    ['says that there is none', [], 'there are: none. Make it'],
  ])('is refused with a namespace that it does not have, and %s', (_, namespaces, words) => {
    const read = () => serverFacts(answers({ namespaces }), { ...needs, namespace: 'shop' })
    expect(read).toThrow('containerd has no namespace "shop"; ')
    expect(read).toThrow(words)
  })

  it("makes the kubelet's namespace when it needs it, if it has a kubelet to serve", () => {
    expect(serverFacts(answers({ namespaces: [] }), needs)).toMatchObject({ hasCri: true })
    const deaf = [overlayfs, plugin(cri.type, 'cri', broken('no'))]
    expect(() => serverFacts(answers({ namespaces: [], plugins: deaf }), needs)).toThrow('has no namespace "k8s.io"')
    expect(serverFacts(answers({ plugins: deaf }), needs)).toMatchObject({ hasCri: false })
  })
})
