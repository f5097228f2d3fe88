import { join } from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'

/** A plugin of containerd, as it tells of itself. */
export interface Plugin {
  readonly type: string
  readonly id: string
  readonly exports: Readonly<Record<string, string>>
  /** Why it does not work. */
  readonly initErr: { readonly message: string } | null
}

/** What a containerd is and can do, from its own answers. */
export interface ServerFacts {
  readonly version: string
  /** Syncs what it unpacked when asked to (containerd 1.7.14 and later). */
  readonly syncsUnpacked: boolean
  /** The kubelet is told which images are pinned (1.6.22, 1.7.3 and later). */
  readonly honoursPins: boolean
  /** Where the snapshotter keeps its files. */
  readonly snapshotsDirectory: string | undefined
  /** Where blobs lie. */
  readonly blobsDirectory: string | undefined
  /** Has the CRI plugin, for the kubelet. */
  readonly hasCri: boolean
}

export interface ServerAnswers {
  readonly version: string
  readonly plugins: readonly Plugin[]
  readonly namespaces: readonly string[]
}

export interface ServerNeeds {
  readonly namespace: string
  readonly snapshotter: string
}

/** Where the kubelet's images are; the CRI plugin makes it when it needs it. */
export const criNamespace = 'k8s.io'

/**
 * Draws conclusions from what containerd says of itself.
 * @throws Fault invalid: it is too old, or has no such snapshotter or namespace
 */
export function serverFacts({ version, plugins, namespaces }: ServerAnswers, needs: ServerNeeds): ServerFacts {
  const numbers = numbersOf(version)
  if (numbers && isOlder(numbers, [1, 6, 0])) {
    throw new Fault('invalid', `containerd ${version} is too old: 1.6 or later is needed`)
  }
  const snapshotter = findSnapshotter(plugins, needs.snapshotter)
  const hasCri = plugins.some(({ type, id, initErr }) => type.endsWith('.grpc.v1') && id === 'cri' && !initErr)
  const isThere = namespaces.includes(needs.namespace) || (hasCri && needs.namespace === criNamespace)
  if (!isThere) throw noNamespace(needs.namespace, namespaces)
  const content = plugins.find(({ type }) => type === 'io.containerd.content.v1')
  return {
    version,
    // Of one that does not say what it is, nothing is taken for granted that is lost in a power cut.
    syncsUnpacked: numbers !== undefined && !isOlder(numbers, [1, 7, 14]),
    honoursPins: numbers === undefined || honoursPins(numbers),
    snapshotsDirectory: snapshotter.exports['root'],
    blobsDirectory: content?.exports['root'] && join(content.exports['root'], 'blobs', 'sha256'),
    hasCri,
  }
}

function findSnapshotter(plugins: readonly Plugin[], wanted: string): Plugin {
  const snapshotters = plugins.filter(({ type }) => type === 'io.containerd.snapshotter.v1')
  const found = snapshotters.find(({ id }) => id === wanted)
  if (found && !found.initErr) return found
  const usable = snapshotters.filter(({ initErr }) => !initErr).map(({ id }) => id)
  const why = found?.initErr ? `does not work (${found.initErr.message})` : 'is not known to this containerd'
  throw new Fault('invalid', `the snapshotter "${wanted}" ${why}; there are: ${usable.join(', ') || 'none'}`)
}

function noNamespace(wanted: string, there: readonly string[]): Fault {
  return new Fault(
    'invalid',
    `containerd has no namespace "${wanted}"; there are: ${there.join(', ') || 'none'}. Make it with "ctr namespaces create ${wanted}", or name another one`,
  )
}

type Version = readonly [major: number, minor: number, patch: number]

/** Versions look like `1.6.20~ds1`, `v1.7.24`, `v2.4.2`. */
function numbersOf(version: string): Version | undefined {
  const [found, major, minor, patch = 0] = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? []
  return found === undefined ? undefined : [Number(major), Number(minor), Number(patch)]
}

function isOlder(version: Version, than: Version): boolean {
  const at = version.findIndex((number, place) => number !== than[place])
  return at >= 0 && version[at]! < than[at]!
}

function honoursPins(version: Version): boolean {
  return !isOlder(version, [1, 6, 22]) && (isOlder(version, [1, 7, 0]) || !isOlder(version, [1, 7, 3]))
}
