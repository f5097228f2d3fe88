import { openAsBlob } from 'node:fs'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { parseManifest, type Manifest } from '@stowage/mirror/oci/manifest'
import type { OciLayout } from '../image-maker/oci-layout.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface PushOptions {
  readonly layout: OciLayout
  /** What is pushed with all it refers to: an index or a manifest in the layout. */
  readonly target: Descriptor
  /** Such as `http://127.0.0.1:5000`. */
  readonly registry: string
  readonly repository: string
  /** Default: pushed by digest alone. */
  readonly tag?: string
  readonly credentials?: Credentials | undefined
  readonly signal?: AbortSignal
}

/** What a push sent; blobs and manifests that the registry had already are not among them. */
export interface Pushed {
  readonly blobs: Descriptor[]
  readonly manifests: Descriptor[]
}

/**
 * Pushes an image from a layout as distribution-spec describes it: blobs first, then manifests, the tag last. It shares
 * no code with the client of the mirror, so that it can prove the server.
 * @throws Error for the first answer that is not the specified one
 */
export async function pushLayout(options: PushOptions): Promise<Pushed> {
  const pushed: Pushed = { blobs: [], manifests: [] }
  await pushManifest(options, options.target, pushed, options.tag)
  return pushed
}

async function pushManifest(options: PushOptions, target: Descriptor, pushed: Pushed, tag?: string): Promise<void> {
  const raw = await options.layout.read(target.digest)
  const manifest = parseManifest(raw, target)
  for (const child of childrenOf(manifest)) {
    if (manifest.kind === 'index') await pushManifest(options, child, pushed)
    else await pushBlob(options, child, pushed)
  }
  if (tag === undefined && (await has(options, `manifests/${target.digest}`, target))) return
  const headers = { 'content-type': target.mediaType }
  await expectStatus(
    201,
    await send(options, `manifests/${tag ?? target.digest}`, { method: 'PUT', headers, body: new Uint8Array(raw) }),
  )
  pushed.manifests.push(target)
}

function childrenOf(manifest: Manifest): readonly Descriptor[] {
  return manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers]
}

async function pushBlob(options: PushOptions, blob: Descriptor, pushed: Pushed): Promise<void> {
  if (await has(options, `blobs/${blob.digest}`, blob)) return
  const session = await expectStatus(202, await send(options, 'blobs/uploads/', { method: 'POST' }))
  const location = new URL(session.headers.get('location') ?? '', session.url)
  location.searchParams.set('digest', blob.digest)
  const body = await openAsBlob(options.layout.blobPath(blob.digest)) // Sent in a stream, with its length.
  const headers = { 'content-type': 'application/octet-stream' }
  await expectStatus(201, await send(options, location, { method: 'PUT', headers, body }))
  pushed.blobs.push(blob)
}

async function has(options: PushOptions, where: string, { mediaType }: Descriptor): Promise<boolean> {
  const response = await send(options, where, { method: 'HEAD', headers: { accept: mediaType } })
  if (response.status === 404) return false
  return (await expectStatus(200, response)).ok
}

function send(
  { registry, repository, credentials, signal }: PushOptions,
  where: string | URL,
  request: RequestInit,
): Promise<Response> {
  const headers = new Headers(request.headers)
  if (credentials) headers.set('authorization', `Basic ${btoa(`${credentials.username}:${credentials.password}`)}`)
  const url = where instanceof URL ? where : new URL(`/v2/${repository}/${where}`, registry)
  return fetch(url, { ...request, headers, ...(signal ? { signal } : {}) })
}

async function expectStatus(status: number, response: Response): Promise<Response> {
  const text = await response.text()
  if (response.status === status) return response
  const { pathname } = new URL(response.url)
  throw new Error(`expected ${status} for ${pathname}, got ${response.status}: ${text.slice(0, 1000)}`)
}
