import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import type { Link } from './link.ts'
import { cutPlanSchema, cutSchema, shapeSchema } from './link-protocol.ts'

export interface LinkControl extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
}

/**
 * Serves the control of a link as JSON over HTTP: `GET /stats`, and `POST` of `/shape`, `/cut`, `/up`, `/plan`,
 * `/reset-counters`. Every answer is the stats after the change; what it does not understand is a 400 with the reason.
 */
export async function openLinkControl(
  link: Link,
  { host, port }: { host: string; port: number },
): Promise<LinkControl> {
  const actions: Record<string, (body: unknown) => void> = {
    'GET /stats': () => undefined,
    'POST /shape': (body) => link.shape(shapeSchema.parse(body)),
    'POST /cut': (body) => link.cut(cutSchema.parse(body)),
    'POST /up': () => link.up(),
    'POST /plan': (body) => link.plan(cutPlanSchema.parse(body)),
    'POST /reset-counters': () => link.resetCounters(),
  }
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const action = actions[`${request.method} ${request.url}`]
    if (!action) return reply(response, 404, { error: `there is no ${request.method} ${request.url}` })
    const body = await text(request)
    try {
      action(body === '' ? {} : JSON.parse(body))
    } catch (error) {
      return reply(response, 400, { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) })
    }
    reply(response, 200, link.stats())
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return {
    url: `http://${address.address}:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
