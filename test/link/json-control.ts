import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { ListenOptions, Server } from 'node:net'
import { text } from 'node:stream/consumers'
import * as z from 'zod'

export interface JsonControlOptions {
  readonly listen: Pick<ListenOptions, 'host' | 'port' | 'path'>
  /** By method and path, such as `POST /cut`; given the body, or `{}` if there is none. */
  readonly actions: Readonly<Record<string, (body: unknown) => void>>
  /** What every action is answered with. */
  readonly answer: () => object
}

/** A server that listens. */
export interface JsonControl extends AsyncDisposable {
  readonly server: Server
}

/** Serves actions as JSON over HTTP; what it does not understand is a 400 with the reason. */
export async function openJsonControl({ listen, actions, answer }: JsonControlOptions): Promise<JsonControl> {
  async function act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const action = actions[`${request.method} ${request.url}`]
    if (!action) return reply(response, 404, { error: `there is no ${request.method} ${request.url}` })
    const body = await text(request)
    try {
      action(body === '' ? {} : JSON.parse(body))
    } catch (error) {
      return reply(response, 400, { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) })
    }
    reply(response, 200, answer())
  }
  const server = createServer((request, response) => {
    act(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(listen)
  await once(server, 'listening')
  return {
    server,
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
