import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** So many requests of one connection are unanswered at a time; no client of registries sends a second one before its answer. */
const mostUnanswered = 16

/**
 * Begins with a request when those before it on the same connection are answered: what waits to be sent holds files and memory.
 * A connection on which too many wait is cut.
 */
export function answerInTurn(app: Pick<FastifyInstance, 'addHook'>, onCut: () => void): void {
  const unanswered = new WeakMap<Socket, ServerResponse[]>()

  function unansweredOn(socket: Socket): ServerResponse[] {
    const known = unanswered.get(socket)
    if (known) return known
    const none: ServerResponse[] = []
    unanswered.set(socket, none)
    return none
  }

  app.addHook('onRequest', ({ raw: { socket } }, { raw: response }, done) => {
    // Of what came with the request for which it was cut.
    if (socket.destroyed) return
    const before = unansweredOn(socket)
    if (before.length === mostUnanswered) {
      onCut()
      socket.destroy()
      return
    }
    const last = before.at(-1)
    before.push(response)
    // That comes once: nothing need see to it.
    response.on('close', () => before.shift())
    if (!last) return done()
    last.once('close', () => {
      if (!socket.destroyed) done()
    })
  })
}
