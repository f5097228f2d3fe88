import type { ContentSource, Referrer } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { descriptorOf, parseManifest, type Manifest } from '@stowage/mirror/oci/manifest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { parsePlatform } from '@stowage/mirror/oci/platform'
import type { CredentialEntry } from '@stowage/mirror/registry/credential'
import type { UpstreamFor } from '../mirroring/upstream.ts'

/** Registries in memory, as the controller sees them. */
export interface FakeUpstream {
  readonly upstreamFor: UpstreamFor
  /** What was asked for, such as `resolve docker.io/library/nginx:1`. */
  readonly asked: string[]
  /** Pushes an image of one layer for each platform, or a plain one for none. */
  push(repository: string, tag: string, content: string, platforms?: readonly string[]): Descriptor
  /** Pushes a signature, which is found by a tag as cosign makes it. */
  sign(repository: string, subject: Digest, content: string): Descriptor
  /** Makes everything fail, or not any more. */
  fail(fault: Fault | undefined): void
  /** Makes the question for what speaks of an image fail, or not any more. */
  failReferrers(fault: Fault | undefined): void
  /** Lets blobs through only once this is called again without a promise. */
  holdBlobs(until: Promise<unknown> | undefined): void
  /** Needs this user for everything from now on. */
  requireUser(username: string): void
}

export function createFakeUpstream(): FakeUpstream {
  const blobs = new Map<string, Uint8Array>()
  const manifests = new Map<string, Manifest>()
  const tags = new Map<string, string>()
  const signatures = new Map<string, Referrer[]>()
  const asked: string[] = []
  let trouble: Fault | undefined
  let referrersTrouble: Fault | undefined
  let held: Promise<unknown> | undefined
  let user: string | undefined

  function addBlob(text: string, mediaType: string): Descriptor {
    const bytes = Buffer.from(text)
    blobs.set(digestOf(bytes), bytes)
    return { mediaType, digest: digestOf(bytes), size: bytes.length }
  }

  function addManifest(document: object): Manifest {
    const manifest = parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, ...document })))
    manifests.set(manifest.digest, manifest)
    return manifest
  }

  function addImage(content: string): Descriptor {
    const config = addBlob(JSON.stringify({ content }), mediaTypes.config)
    const layer = addBlob(content, mediaTypes.layer)
    return descriptorOf(addManifest({ mediaType: mediaTypes.manifest, config, layers: [layer] }))
  }

  function find(place: string, reference: string): Manifest {
    const manifest = manifests.get(tags.get(`${place}:${reference}`) ?? reference)
    if (!manifest) throw new Fault('not-found', `${place}:${reference} does not exist upstream`)
    return manifest
  }

  function check(credentials: readonly CredentialEntry[]): void {
    if (trouble) throw trouble
    if (user !== undefined && !credentials.some(({ credential }) => credential.username === user)) {
      throw new Fault('denied', 'upstream refuses')
    }
  }

  const sourceOf = (registry: string, credentials: readonly CredentialEntry[]): ContentSource => ({
    async resolve(repository, reference) {
      asked.push(`resolve ${registry}/${repository}:${reference}`)
      check(credentials)
      return descriptorOf(find(`${registry}/${repository}`, reference))
    },
    async manifest(repository, reference) {
      check(credentials)
      return find(`${registry}/${repository}`, reference)
    },
    async blob(repository, { digest }, { offset = 0, signal } = {}) {
      asked.push(`blob ${registry}/${repository}@${digest}`)
      check(credentials)
      const bytes = blobs.get(digest)
      if (!bytes) throw new Fault('not-found', `${digest} does not exist upstream`)
      return drip(bytes.subarray(offset), held, signal)
    },
    async referrers(repository, subject) {
      asked.push(`referrers ${registry}/${repository}@${subject}`)
      check(credentials)
      if (referrersTrouble) throw referrersTrouble
      return signatures.get(`${registry}/${repository}@${subject}`) ?? []
    },
  })

  return {
    upstreamFor: sourceOf,
    asked,
    push(place, tag, content, platforms) {
      const children = platforms?.map((platform) => ({
        ...addImage(`${content} for ${platform}`),
        platform: parsePlatform(platform),
      }))
      const root = children
        ? descriptorOf(addManifest({ mediaType: mediaTypes.index, manifests: children }))
        : addImage(content)
      tags.set(`${place}:${tag}`, root.digest)
      return root
    },
    sign(place, subject, content) {
      const descriptor = addImage(content)
      const key = `${place}@${subject}`
      signatures.set(key, [...(signatures.get(key) ?? []), { descriptor, tag: `sha256-${hexOf(subject)}.sig` }])
      return descriptor
    },
    failReferrers: (fault) => void (referrersTrouble = fault),
    fail: (fault) => void (trouble = fault),
    holdBlobs: (until) => void (held = until),
    requireUser: (username) => void (user = username),
  }
}

async function* drip(bytes: Uint8Array, held: Promise<unknown> | undefined, signal: AbortSignal | undefined) {
  yield bytes.subarray(0, 1)
  const aborted = new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  await Promise.race([held, aborted])
  yield bytes.subarray(1)
}
