import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'

/**
 * Pushes a blob of SIZE bytes to a repository of a registry, as docker does (POST, one PATCH, PUT), and prints how long that took.
 * What is sent is the same buffer over and over; its digest is known before the clock starts.
 * usage: node test/bench/push-blob.ts REGISTRY_URL REPOSITORY SIZE
 */
const [registry = '', repository = '', sizeText] = process.argv.slice(2)
const size = Number(sizeText)
const piece = Buffer.alloc(1024 * 1024, 'what a layer is made of, ')
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

function* pieces(): Generator<Buffer> {
  for (let left = size; left > 0; left -= piece.length) yield piece.subarray(0, left)
}

const hash = createHash('sha256')
for (const part of pieces()) hash.update(part)
const digest = `sha256:${hash.digest('hex')}`

async function send(
  url: URL,
  options: RequestOptions & { readonly expected: number },
  write: (outgoing: ClientRequest) => Promise<void> | void = () => undefined,
): Promise<URL> {
  const outgoing = request(url, { ...options, agent })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  await write(outgoing)
  outgoing.end()
  const [answer] = await answered
  answer.resume()
  await once(answer, 'end')
  if (answer.statusCode !== options.expected) throw new Error(`${url.href} is answered with ${answer.statusCode}`)
  return new URL(answer.headers.location ?? '', registry)
}

async function writeBlob(outgoing: ClientRequest): Promise<void> {
  for (const part of pieces()) if (!outgoing.write(part)) await once(outgoing, 'drain')
}

const startedAt = performance.now()
const session = await send(new URL(`/v2/${repository}/blobs/uploads/`, registry), { method: 'POST', expected: 202 })
const headers = { 'content-type': 'application/octet-stream', 'content-length': size }
const sent = await send(session, { method: 'PATCH', headers, expected: 202 }, writeBlob)
sent.searchParams.set('digest', digest)
await send(sent, { method: 'PUT', headers: { 'content-length': 0 }, expected: 201 })
console.log(JSON.stringify({ seconds: (performance.now() - startedAt) / 1000 }))
agent.destroy()
