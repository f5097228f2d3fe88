import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'

/** Which image a node's layout must hold, and for which machine. */
export interface ExpectedImage {
  /** The full name under which index.json must have it. */
  readonly name: string
  /** What the name must lead to: an index or a manifest. */
  readonly root: string
  readonly os: string
  readonly architecture: string
}

/** What was read and hashed: its root, manifest, config and layers, each digest once. */
export interface VerifiedImage {
  readonly name: string
  readonly root: string
  /** Bytes by digest; all documents and blobs of the one platform. */
  readonly sizes: ReadonlyMap<string, number>
  /** Bytes of them all. */
  readonly size: number
}

interface Entry {
  readonly mediaType?: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: { readonly os: string; readonly architecture: string }
}

interface Document {
  readonly manifests?: readonly Entry[]
  readonly config?: Entry
  readonly layers?: readonly Entry[]
}

const nameKeys = ['io.containerd.image.name', 'org.opencontainers.image.ref.name']

/**
 * Reads every byte of an image in an OCI layout directory and hashes it, from the name down to the layers of one
 * platform. It shares no code with the agent, nor with the mirror: it is there to prove them.
 * @throws Error that names the first thing that is missing or wrong
 */
export async function verifyLayout(directory: string, expected: ExpectedImage): Promise<VerifiedImage> {
  const entry = (await readIndex(directory)).find((candidate) => namesOf(candidate).includes(expected.name))
  if (!entry) throw new Error(`${directory}: index.json does not name ${expected.name}`)
  if (entry.digest !== expected.root) {
    throw new Error(`${directory}: ${expected.name} is ${entry.digest}, but should be ${expected.root}`)
  }
  const sizes = new Map<string, number>()
  const manifest = await findManifest(directory, entry, { expected, sizes })
  if (!manifest.config) throw new Error(`${directory}: ${expected.name}: its manifest has no config`)
  for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
    if (sizes.has(blob.digest)) continue
    await verifyBlob(directory, blob)
    sizes.set(blob.digest, blob.size)
  }
  const size = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
  return { name: expected.name, root: entry.digest, sizes, size }
}

/** The names that a layout's index.json has; none if there is no layout yet. */
export async function namesInLayout(directory: string): Promise<string[]> {
  return [...new Set((await readIndex(directory)).flatMap(namesOf))]
}

/** The digest that a layout's index.json has for a name. */
export async function rootInLayout(directory: string, name: string): Promise<string | undefined> {
  return (await readIndex(directory)).find((entry) => namesOf(entry).includes(name))?.digest
}

/** Whether a layout has a file for this digest, whatever is in it. */
export async function hasBlob(directory: string, digest: string): Promise<boolean> {
  return stat(blobPath(directory, digest)).then(() => true, ifAbsent(false))
}

interface Search {
  readonly expected: ExpectedImage
  readonly sizes: Map<string, number>
}

/** Goes down through indexes until there is a manifest, checking and noting each document. */
async function findManifest(directory: string, entry: Entry, search: Search): Promise<Document> {
  await verifyBlob(directory, entry)
  search.sizes.set(entry.digest, entry.size)
  const document = JSON.parse(await readFile(blobPath(directory, entry.digest), 'utf8')) as Document
  if (!document.manifests) return document
  const { name, os, architecture } = search.expected
  const children = document.manifests.filter(
    ({ platform }) => platform?.os === os && platform.architecture === architecture,
  )
  // Of several variants a node takes the one that suits it; all that it has must be whole.
  const present = await Promise.all(children.map(({ digest }) => hasBlob(directory, digest)))
  const child = children.find((_, at) => present[at])
  if (!child) throw new Error(`${directory}: ${name}: nothing for ${os}/${architecture} under index ${entry.digest}`)
  return findManifest(directory, child, search)
}

async function verifyBlob(directory: string, { digest, size }: Entry): Promise<void> {
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of createReadStream(blobPath(directory, digest), { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer)
    length += (chunk as Buffer).length
  }
  const actual = `sha256:${hash.digest('hex')}`
  if (actual !== digest) throw new Error(`${directory}: ${length} bytes under ${digest} hash to ${actual}`)
  if (length !== size) throw new Error(`${directory}: ${digest} has ${length} bytes, promised were ${size}`)
}

async function readIndex(directory: string): Promise<readonly Entry[]> {
  const text = await readFile(path.join(directory, 'index.json'), 'utf8').catch(ifAbsent(undefined))
  if (text === undefined) return []
  const document = JSON.parse(text) as Document
  return document.manifests ?? []
}

function namesOf({ annotations }: Entry): string[] {
  return nameKeys.flatMap((key) => annotations?.[key] ?? [])
}

function blobPath(directory: string, digest: string): string {
  const hex = /^sha256:([a-f0-9]{64})$/.exec(digest)?.[1]
  if (hex === undefined) throw new Error(`${directory}: "${digest}" is not a sha256 digest`)
  return path.join(directory, 'blobs', 'sha256', hex)
}

function ifAbsent<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value
    throw error
  }
}
