import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/**
 * Asks for JSON over HTTP on an abstract unix socket.
 * @throws Error with the answer if it is not 200
 */
export async function askControl(
  name: string,
  what: { method: string; action: string; body?: object },
): Promise<unknown> {
  const { method, action, body } = what
  const asking = request({ socketPath: `\0${name}`, method, path: `/${action}`, agent: false })
  asking.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const answer = await text(response)
  if (response.statusCode !== 200) throw new Error(`${name} refused ${action}: ${answer}`)
  return JSON.parse(answer)
}
