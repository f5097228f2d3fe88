import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'

/**
 * Reads each URL once, one after the other on one connection, and prints for each how many milliseconds passed until its first
 * byte came, and its last one.
 * usage: node test/bench/read-first-bytes.ts URL...
 */
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const headers = { accept: 'application/vnd.oci.image.manifest.v1+json, application/octet-stream' }

async function read(url: string): Promise<{ firstMs: number; lastMs: number }> {
  const startedAt = performance.now()
  let firstAt: number | undefined
  const [answer] = (await once(get(url, { agent, headers }), 'response')) as [IncomingMessage]
  if (answer.statusCode !== 200) throw new Error(`${url} is answered with ${answer.statusCode}`)
  answer.on('data', () => (firstAt ??= performance.now()))
  await once(answer, 'end')
  return { firstMs: (firstAt ?? performance.now()) - startedAt, lastMs: performance.now() - startedAt }
}

const times: { firstMs: number; lastMs: number }[] = []
for (const url of process.argv.slice(2)) times.push(await read(url))
console.log(JSON.stringify(times))
agent.destroy()
