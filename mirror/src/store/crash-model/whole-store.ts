import type { ContentStore } from '../content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { createDigester, parseDigest, type DigestAlgorithm } from '../../oci/digest.ts'
import { createContentStore } from '../create-content-store.ts'

/**
 * Checks that nothing in a store is visible that is not whole: blobs have their digests, links their bytes, tags and
 * referrers their manifests, records are JSON.
 * @throws Error with the key that is not whole
 */
export async function checkWhole(objects: ObjectStore): Promise<void> {
  const content = createContentStore(objects)
  for await (const { key } of objects.list('')) {
    const fault = await faultIn(key, { objects, content })
    if (fault) throw new Error(`${key}: ${fault}`)
  }
}

interface Stores {
  readonly objects: ObjectStore
  readonly content: ContentStore
}

const documents: ReadonlySet<string | undefined> = new Set(['records', 'condemned', 'holds'])

async function faultIn(key: string, { objects, content }: Stores): Promise<string | undefined> {
  const [room, ...rest] = key.split('/')
  if (room === 'blobs') return await faultInBlob(key, objects)
  if (documents.has(room)) return await faultInRecord(key, objects)
  if (room !== 'repositories') return 'nobody wrote this'
  const part = rest.findIndex((segment) => segment.startsWith('_'))
  const repository = content.repository(rest.slice(0, part).join('/'))
  const [kind, first = '', second = ''] = rest.slice(part)
  if (kind === '_tags') return (await repository.manifest(first)) ? undefined : 'the tag means nothing'
  if (kind === '_links') {
    const link = await repository.stat(parseDigest(`${first}:${second}`))
    return link && (await repository.hasBlob(link)) ? undefined : 'the link has no bytes'
  }
  const referrer = parseDigest(second.replace('-', ':'))
  const listed = await repository.referrers(parseDigest(first.replace('-', ':')))
  return listed.some(({ digest }) => digest === referrer) ? undefined : 'the referrer is no manifest'
}

async function faultInBlob(key: string, objects: ObjectStore): Promise<string | undefined> {
  const [, algorithm = '', hex = ''] = key.split('/')
  const digester = createDigester(algorithm as DigestAlgorithm)
  for await (const chunk of (await objects.get(key))?.bytes ?? []) digester.update(chunk)
  const actual = digester.digest()
  return actual === `${algorithm}:${hex}` ? undefined : `the bytes have digest ${actual}`
}

async function faultInRecord(key: string, objects: ObjectStore): Promise<string | undefined> {
  const object = await objects.get(key)
  const text = Buffer.concat(await Array.fromAsync(object?.bytes ?? [])).toString()
  try {
    JSON.parse(text)
    return undefined
  } catch {
    return `"${text}" is not JSON`
  }
}
