import type { Descriptor } from '../oci/descriptor.ts'
import { isFault } from '../oci/fault.ts'
import { blobsOf, maxManifestSize, parseManifest, type Manifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { isTag } from '../oci/reference.ts'
import type { Repository } from '../store/content-store.ts'
import { contentHeaders, type Answer } from './answer.ts'
import type { Exchange, Handlers, PathOf } from './exchange.ts'
import { isKnown, unchanged } from './if-none-match.ts'
import { Refusal } from './refusal.ts'
import { readBody } from './request-body.ts'

/** Pulling, pushing and deleting manifests (distribution-spec, "Pulling manifests", "Pushing Manifests", "Deleting tags"). */
export const manifests: Handlers<'manifest'> = {
  async HEAD(exchange, path) {
    const found = await find(exchange, path)
    // Who pushes leaves out what we say is here: the bytes may be in quarantine.
    if (!(await exchange.store.repository(path.repository).hasManifest(found.digest))) throw unknown(path)
    return isKnown(exchange, found) ? unchanged(found) : { status: 200, headers: contentHeaders(found) }
  },

  async GET(exchange, path) {
    const found = await find(exchange, path)
    if (isKnown(exchange, found)) return unchanged(found)
    const body = exchange.cache.get(found.digest) ?? (await read(exchange, path, found))
    return { status: 200, headers: contentHeaders(found), body }
  },

  async PUT({ store, permit, request, query, takesSparse }, { repository: name, reference }) {
    await permit({ action: 'push', repository: name, digest: reference.digest })
    const raw = await readBody(request, maxManifestSize)
    const manifest = parsePushed(raw, { mediaType: request.headers['content-type'], digest: reference.digest })
    const repository = store.repository(name)
    if (!takesSparse) await checkParts(repository, manifest)
    const tags = reference.digest ? tagsIn(query) : [reference.tag]
    await repository.putManifest(manifest, { tags })
    return created(name, manifest, reference.digest ? tags : [])
  },

  async DELETE({ store, permit }, path) {
    const { repository: name, reference } = path
    await permit({ action: 'delete', repository: name, digest: reference.digest })
    const repository = store.repository(name)
    const isDeleted = await (reference.digest
      ? repository.deleteManifest(reference.digest)
      : repository.deleteTag(reference.tag))
    if (!isDeleted) throw unknown(path)
    return { status: 202 }
  },
}

/** Looks a manifest up, without reading it, and asks whether it may be pulled before anything is told about it. */
async function find({ store, permit }: Exchange, path: PathOf<'manifest'>): Promise<Descriptor> {
  const repository = store.repository(path.repository)
  const { tag, digest } = path.reference
  const found = digest ? await repository.stat(digest) : await repository.tag(tag)
  await permit({ action: 'pull', repository: path.repository, digest: digest ?? found?.digest })
  if (!found || !isManifestType(found.mediaType)) throw unknown(path)
  return found
}

async function read({ store, cache }: Exchange, path: PathOf<'manifest'>, { digest }: Descriptor): Promise<Uint8Array> {
  const manifest = await store.repository(path.repository).manifest(digest)
  if (!manifest) throw unknown(path)
  cache.set(digest, manifest.raw, manifest.raw.length)
  return manifest.raw
}

function parsePushed(raw: Uint8Array, options: Parameters<typeof parseManifest>[1]): Manifest {
  try {
    return parseManifest(raw, options)
  } catch (cause) {
    if (isFault(cause, 'invalid')) throw new Refusal('MANIFEST_INVALID', cause.message, { cause })
    if (isFault(cause, 'corrupt')) throw new Refusal('DIGEST_INVALID', cause.message, { cause })
    throw cause
  }
}

/**
 * A node must be able to pull what was pushed: config and layers are to be here. Children of an index may be absent,
 * as the mirror is sparse, and so may a subject (distribution-spec, "Pushing Manifests with Subject").
 */
async function checkParts(repository: Repository, manifest: Manifest): Promise<void> {
  if (manifest.kind === 'index') return
  for (const { digest, size } of blobsOf(manifest)) {
    const blob = await repository.stat(digest)
    const detail = { digest }
    if (!blob || !(await repository.hasBlob(blob))) {
      const message = `the manifest needs ${digest}, which repository ${repository.name} does not have: push it first`
      throw new Refusal('MANIFEST_BLOB_UNKNOWN', message, { detail })
    }
    if (blob.size !== size) {
      const message = `the manifest says that ${digest} has ${size} bytes, but it has ${blob.size}`
      throw new Refusal('MANIFEST_INVALID', message, { detail })
    }
  }
}

function tagsIn(query: URLSearchParams): string[] {
  const tags = [...new Set(query.getAll('tag'))]
  const wrong = tags.find((tag) => !isTag(tag))
  if (wrong !== undefined) throw new Refusal('MANIFEST_INVALID', `"${wrong.slice(0, 200)}" is not a tag`)
  return tags
}

function created(repository: string, { digest, subject }: Manifest, tags: string[]): Answer {
  const headers = {
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject ? { 'oci-subject': subject.digest } : {}),
    ...(tags.length > 0 ? { 'oci-tag': tags } : {}),
  }
  return { status: 201, headers }
}

function unknown({ repository, reference }: PathOf<'manifest'>): Refusal {
  const name = reference.digest ?? reference.tag
  return new Refusal('MANIFEST_UNKNOWN', `repository ${repository} has no manifest ${name}`, { detail: { name } })
}
