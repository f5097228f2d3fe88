import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { OciLayout } from '../image-maker/oci-layout.ts'

/** A registry that serves one manifest under every tag, and for one blob other bytes than it should. */
export interface LyingRegistry extends AsyncDisposable {
  /** As references begin: `127.0.0.1:PORT`. */
  readonly host: string
  /** How often it was asked for the blob that it lies about. */
  lies(): number
  /** From now on it serves what it should. */
  mend(): void
}

export interface LyingRegistryOptions {
  readonly layout: OciLayout
  readonly manifest: Descriptor
  readonly lieAbout: Digest
}

/** Starts it on loopback, plain HTTP. */
export async function startLyingRegistry({ layout, manifest, lieAbout }: LyingRegistryOptions): Promise<LyingRegistry> {
  let lies = 0
  let isLying = true

  async function answer(path: string, response: ServerResponse): Promise<void> {
    const [, kind, reference = ''] = /^\/v2\/[^/]+\/(manifests|blobs)\/([^/?]+)$/.exec(path) ?? []
    if (!kind) return void response.writeHead(path === '/v2/' ? 200 : 404).end()
    const digest = (reference.includes(':') ? reference : manifest.digest) as Digest
    const bytes = await layout.read(digest)
    if (digest === lieAbout && isLying) {
      lies += 1
      bytes[bytes.length >> 1]! ^= 1
    }
    const type = kind === 'manifests' ? manifest.mediaType : 'application/octet-stream'
    const headers = { 'content-type': type, 'content-length': bytes.length, 'docker-content-digest': digest }
    response.writeHead(200, headers).end(bytes)
  }

  const server = createServer((request, response) => {
    answer(request.url ?? '', response).catch(() => response.writeHead(404).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    lies: () => lies,
    mend: () => void (isLying = false),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
