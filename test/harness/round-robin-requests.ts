import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'

/** One address in front of several servers, as a load balancer has it: each request goes to the next one, whoever sends it. */
export interface RoundRobinRequests extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
  /** How many requests each server got so far. */
  counts(): readonly number[]
}

export async function startRoundRobinRequests(urls: readonly string[]): Promise<RoundRobinRequests> {
  const agent = new Agent({ keepAlive: true })
  const counts = urls.map(() => 0)
  let turn = 0

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const index = turn++ % urls.length
    counts[index]! += 1
    const { method, headers, url: path } = incoming
    const passed = request(`${urls[index]}${path}`, { method, headers, agent, setHost: false })
    const answered = once(passed, 'response') as Promise<[IncomingMessage]>
    const [[answer]] = await Promise.all([answered, pipeline(incoming, passed)])
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    await pipeline(answer, outgoing)
  }

  const server = createServer((incoming, outgoing) => {
    // A broken connection on one side is one on the other.
    relay(incoming, outgoing).catch(() => incoming.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => [...counts],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      agent.destroy()
      await once(server, 'close')
    },
  }
}
