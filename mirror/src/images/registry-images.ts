import * as z from 'zod'
import type { FetchOptions } from '../content.ts'
import { retry } from '../copy/retry.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { acceptedManifests } from '../oci/media-type.ts'
import { isRepository } from '../oci/reference.ts'
import { nextQueryOf } from '../registry/next-query.ts'
import type { RegistryClient } from '../registry/registry-client.ts'
import { responseFault } from '../registry/response-fault.ts'
import { restated } from '../registry/restated.ts'
import { discard, readCapped, type Answer } from '../registry/transport.ts'
import type { ImagePlace } from './image-place.ts'

/** Some registries do not keep to `n`. */
const longestPage = 64 * 1024 * 1024
const pageSize = 1000
/** Whoever goes on for longer never ends. */
const mostPages = 100_000

const catalogSchema = z.object({ repositories: z.array(z.string()).nullish() })
const tagsSchema = z.object({ tags: z.array(z.string()).nullish() })

/** The images of a registry, as its API tells of them; what fails for a moment is tried again. */
export function createRegistryImages(client: RegistryClient): ImagePlace {
  const { connection } = client
  const { name } = connection

  async function page<Schema extends z.ZodType>(
    { repository, path, what }: { readonly repository: string; readonly path: string; readonly what: string },
    schema: Schema,
    { signal }: FetchOptions,
  ): Promise<{ readonly items: z.infer<Schema>; readonly next: string | undefined }> {
    const answer = await connection.send({ repository, path, what, signal })
    if (answer.status !== 200) throw await responseFault(answer, what)
    const next = nextQueryOf(answer)
    const text = Buffer.from(await readCapped(answer, longestPage, signal)).toString()
    try {
      return { items: schema.parse(JSON.parse(text)), next }
    } catch (cause) {
      throw new Fault('unavailable', `${what}: what came is no list of a registry`, { cause })
    }
  }

  async function* list<Schema extends z.ZodType>(
    listed: { readonly repository: string; readonly path: string; readonly what: string },
    schema: Schema,
    options: FetchOptions,
  ): AsyncGenerator<z.infer<Schema>> {
    let query: string | undefined = `?n=${pageSize}`
    for (let count = 0; query !== undefined && count < mostPages; count++) {
      const path: string = listed.path + query
      const got = await retry(() => page({ ...listed, path }, schema, options), options)
      yield got.items
      query = got.next === query ? undefined : got.next
    }
  }

  async function remove(repository: string, reference: string, { signal }: FetchOptions): Promise<boolean> {
    const what = `${name}/${repository}${reference.includes(':') ? '@' : ':'}${reference}`
    const path = `${repository}/manifests/${reference}`
    const ask = async (): Promise<boolean> => {
      const answer = await connection.send({ method: 'DELETE', repository, path, what, isPush: true, signal })
      if (answer.status !== 202 && answer.status !== 200 && answer.status !== 204 && answer.status !== 404) {
        throw await responseFault(answer, what)
      }
      await discard(answer)
      return answer.status !== 404
    }
    return await retry(ask, { signal })
  }

  /** A registry that lists something to anyone would never ask who it is; at its door it asks, and who is known then shows it. */
  async function knock({ signal }: FetchOptions): Promise<void> {
    try {
      await discard(await connection.send({ repository: '', path: '', what: name, signal }))
    } catch (error) {
      // The list itself is asked for as who was refused here, or as nobody.
      if (!isFault(error, 'denied')) throw error
    }
  }

  const { resolve, manifest, blob, referrers } = client
  return {
    name,
    source: {
      resolve: (repository, reference, options) => retry(() => resolve(repository, reference, options), options),
      manifest: (repository, reference, options) => retry(() => manifest(repository, reference, options), options),
      blob: (repository, wanted, options) =>
        retry(() => blob(repository, wanted, options), { signal: options?.signal }),
      referrers: (repository, subject, options) => retry(() => referrers(repository, subject, options), options),
    },

    async *repositories(options = {}) {
      const listed = { repository: '', path: '_catalog', what: `the repositories of ${name}` }
      try {
        await retry(() => knock(options), options)
        for await (const { repositories } of list(listed, catalogSchema, options)) yield* repositories ?? []
      } catch (error) {
        const isUntold = isFault(error, 'denied') || isFault(error, 'not-found') || isFault(error, 'invalid')
        if (!isUntold) throw error
        throw restated(error, `${error.message}; it lists none to you, so name one`)
      }
    },

    async *tags(repository, options = {}) {
      if (!isRepository(repository)) throw new Fault('invalid', `"${repository}" is not a repository name`)
      const listed = { repository, path: `${repository}/tags/list`, what: `the tags of ${name}/${repository}` }
      for await (const { tags } of list(listed, tagsSchema, options)) yield* tags ?? []
    },

    async hasBlob(repository, { digest, size }, options) {
      try {
        return (await retry(() => client.statBlob(repository, digest, options), options)).size === size
      } catch (error) {
        if (isFault(error, 'not-found')) return false
        throw error
      }
    },

    async checkRemovable(repository, reference, { signal } = {}) {
      const what = `${name}/${repository}`
      const path = `${repository}/manifests/${reference}`
      const headers = { accept: acceptedManifests }
      const ask = (): Promise<Answer> => connection.send({ method: 'HEAD', repository, path, what, headers, signal })
      const answer = await retry(ask, { signal })
      await discard(answer)
      const { allow } = answer.headers
      if (answer.status !== 200 || typeof allow !== 'string' || /\bDELETE\b/i.test(allow)) return
      const message = `${what} can only be read by this way: what a mirror fetched goes through its store; give --mirror-token-file with the token of its --objects-token-file, or --data where it does not run`
      throw new Fault('denied', message)
    },

    async deleteTag(repository, tag, options = {}) {
      try {
        return await remove(repository, tag, options)
      } catch (error) {
        if (!isFault(error, 'invalid')) throw error
        const message = `${error.message}; many registries take no single tag away: remove what it means, by its digest`
        throw restated(error, message)
      }
    },

    deleteManifest: (repository, digest, options = {}) => remove(repository, digest, options),
  }
}
