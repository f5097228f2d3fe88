import { mediaTypes } from '../oci/media-type.ts'
import { jsonAnswer } from './answer.ts'
import type { Exchange, Handler, Handlers } from './exchange.ts'
import { listPage, parsePage, type Page } from './page.ts'

const listTags: Handler<'tags'> = async ({ store, permit, query }, { repository: name }) => {
  await permit({ action: 'pull', repository: name })
  const repository = store.repository(name)
  const { entries, headers } = await listPage(parsePage(query), {
    path: `/v2/${name}/tags/list`,
    list: (page) => repository.tags(page),
    nameOf: (tag) => tag.name,
  })
  return jsonAnswer(200, { name, tags: entries.map((tag) => tag.name) }, headers)
}

const listRepositories: Handler<'catalog'> = async (exchange) => {
  await exchange.permit({ action: 'list' })
  const { entries, headers } = await listPage(parsePage(exchange.query), {
    path: '/v2/_catalog',
    list: (page) => listable(exchange, page),
    nameOf: (name) => name,
  })
  return jsonAnswer(200, { repositories: entries }, headers)
}

/** Chosen before pages are cut: the name at the end of a page is told in its `Link`. */
async function listable({ store, isPermitted }: Exchange, { after, limit }: Page): Promise<string[]> {
  const found = []
  for (const repository of await store.repositories({ after })) {
    if (await isPermitted({ action: 'list', repository })) found.push(repository)
    if (found.length === limit) break
  }
  return found
}

const listReferrers: Handler<'referrers'> = async ({ store, permit, query }, { repository, digest }) => {
  await permit({ action: 'pull', repository, digest })
  const all = await store.repository(repository).referrers(digest)
  const wanted = query.get('artifactType')
  const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted)
  const headers = {
    'content-type': mediaTypes.index,
    ...(wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }),
  }
  return jsonAnswer(200, { schemaVersion: 2, mediaType: mediaTypes.index, manifests }, headers)
}

/** Tags of a repository (distribution-spec, "Listing Tags"). */
export const tags: Handlers<'tags'> = { GET: listTags, HEAD: listTags }

/** Repositories that the client may pull from; not of the spec, but all registries have it. */
export const catalog: Handlers<'catalog'> = { GET: listRepositories, HEAD: listRepositories }

/** Manifests that are about another one (distribution-spec, "Listing Referrers"). An unknown digest has none. */
export const referrers: Handlers<'referrers'> = { GET: listReferrers, HEAD: listReferrers }
