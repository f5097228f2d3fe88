import type { ContentSink } from '../content.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import type { Manifest } from '../oci/manifest.ts'
import { isTag } from '../oci/reference.ts'
import { createBlobUploads } from './blob-uploads.ts'
import { noteReferrer } from './note-referrer.ts'
import type { RegistryClient } from './registry-client.ts'
import { responseFault } from './response-fault.ts'
import { discard } from './transport.ts'

export interface RegistrySinkOptions {
  readonly repository: string
  /** Another repository of the same registry, which may have the blobs already. */
  readonly mountFrom?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * One repository of a registry that is pushed to (distribution-spec, "Push"). Blobs are looked for, mounted or uploaded; an upload
 * that broke off goes on where the registry says it stopped, as long as this sink lives. It tries everything once.
 */
export function createRegistrySink(
  client: Pick<RegistryClient, 'connection' | 'statBlob' | 'manifest' | 'resolve'>,
  options: RegistrySinkOptions,
): ContentSink {
  const { connection } = client
  const { repository, signal } = options
  const uploads = createBlobUploads(client, options)

  async function has(look: Promise<unknown>): Promise<boolean> {
    try {
      await look
      return true
    } catch (error) {
      if (isFault(error, 'not-found')) return false
      throw error
    }
  }

  /** Says whether the registry notes by itself of what a manifest speaks. */
  async function put(manifest: Manifest, reference: string): Promise<boolean> {
    const what = `${connection.name}/${repository}${isTag(reference) ? ':' : '@'}${reference}`
    const answer = await connection.send({
      method: 'PUT',
      repository,
      path: `${repository}/manifests/${reference}`,
      headers: { 'content-type': manifest.mediaType },
      body: manifest.raw,
      what,
      isPush: true,
      signal,
    })
    if (answer.status !== 201 && answer.status !== 200) throw hinted(await responseFault(answer, what), manifest)
    await discard(answer)
    const stored = answer.headers['docker-content-digest']
    if (typeof stored === 'string' && isOther(stored, manifest.digest)) {
      throw new Fault('corrupt', `${what}: ${manifest.digest} was sent, and the registry says that it has ${stored}`)
    }
    return answer.headers['oci-subject'] !== undefined
  }

  return {
    hasBlob: ({ digest }) => has(client.statBlob(repository, digest, { signal })),
    hasManifest: (digest) => has(client.resolve(repository, digest, { signal })),
    ingest: (blob, { signal: own = signal } = {}) => uploads.ingest(blob, own),

    async putManifest(manifest, { tags: own = [], speakingTags = [] } = {}) {
      const tags = [...own, ...speakingTags.map(({ tag }) => tag)]
      const wrong = tags.find((tag) => !isTag(tag))
      if (wrong !== undefined) throw new Fault('invalid', `${connection.name}/${repository}: "${wrong}" is not a tag`)
      let isNoted = false
      // A tag alone would be given to what the bytes are by SHA-256.
      const isUntagged = tags.length === 0 || algorithmOf(manifest.digest) !== 'sha256'
      for (const reference of [...(isUntagged ? [manifest.digest] : []), ...tags])
        isNoted = await put(manifest, reference)
      if (manifest.subject && !isNoted) await noteReferrer({ ...client, put }, { repository, manifest, signal })
    },
  }
}

function isOther(stored: string, digest: Digest): boolean {
  return stored.startsWith(`${algorithmOf(digest)}:`) && stored !== digest
}

/** Many registries take an index only with all that it names. */
function hinted(fault: Fault, { kind }: Manifest): Fault {
  const isSparse = kind === 'index' && (fault.code === 'invalid' || fault.code === 'not-found')
  if (!isSparse) return fault
  const hint = 'if it names images that were left out: this registry takes indexes only whole'
  return new Fault('invalid', `${fault.message}; ${hint}`, { cause: fault, details: fault.details })
}
