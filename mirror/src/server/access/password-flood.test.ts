import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import bcrypt from 'bcrypt'
import { expect, it } from 'vitest'
import { basic, guardedRegistry } from '../../testing/guarded-registry.ts'
import { listen } from '../mirror-server.ts'
import { parseTokens } from './static-tokens.ts'

interface Asked {
  readonly status: number | undefined
  readonly text: string
}

/** A hash that takes long enough for others to come meanwhile. */
const hashOf = (password: string): string => bcrypt.hashSync(password, 9)
const accounts = {
  hashes: new Map([
    ['ann', hashOf("ann's")],
    ['bob', hashOf("bob's")],
  ]),
  tokens: parseTokens(''),
}

async function openScene() {
  const { address, [Symbol.asyncDispose]: close } = await listen(guardedRegistry({ accounts: () => accounts }), {
    host: '127.0.0.1',
    port: 0,
    graceMs: 0,
  })
  /** From an address of its own. */
  async function askFrom(localAddress: string, authorization: string): Promise<Asked> {
    const { host, port } = address
    const asking = request({ host, port, path: '/v2/', localAddress, agent: false, headers: { authorization } }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    const chunks = await Array.fromAsync(answer as AsyncIterable<Buffer>)
    return { status: answer.statusCode, text: Buffer.concat(chunks).toString() }
  }
  return { askFrom, [Symbol.asyncDispose]: close }
}

it('a flood of wrong passwords shuts out neither who is known nor who comes from another address', async () => {
  await using scene = await openScene()
  const { askFrom } = scene
  expect((await askFrom('127.0.0.2', basic('bob'))).status).toBe(200)
  const full = Promise.withResolvers<void>()
  const floods = [2, 3, 4, 5, 6].flatMap((last) =>
    Array.from({ length: 25 }, async (_, n) => {
      const asked = await askFrom(`127.0.0.${last}`, basic('ann', `guess ${last} ${n}`))
      if (asked.text.includes('wait to be checked')) full.resolve()
      return asked.status
    }),
  )
  await full.promise
  const [known, stranger] = await Promise.all([askFrom('127.0.0.2', basic('bob')), askFrom('127.0.0.9', basic('ann'))])
  expect([known.status, stranger.status]).toEqual([200, 200])
  const statuses = await Promise.all(floods)
  expect(new Set(statuses)).toEqual(new Set([401, 429]))
})
