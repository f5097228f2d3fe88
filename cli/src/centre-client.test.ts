import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { openCentreClient } from './centre-client.ts'

const settings = { ca: undefined, proxy: {}, userAgent: 'test' }
const get = async (central: string): Promise<unknown> => {
  await using client = openCentreClient(central, settings)
  return await client.get('/api/v1/caches', z.object({}))
}

async function answering(status: number, body: string, type = 'application/json') {
  const server = createServer((_request, response) => response.writeHead(status, { 'content-type': type }).end(body))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const central = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { central, [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')) }
}

it('hands on what a centre in trouble says, and does not call it silent', async () => {
  await using centre = await answering(507, '{"error":{"code":"no-space","message":"the disk is full"}}')
  await expect(get(centre.central)).rejects.toMatchObject({ code: 'unavailable', message: 'the disk is full' })
})

it('says where it looked for a centre that is not there', async () => {
  const gone = await answering(200, '{}')
  await gone[Symbol.asyncDispose]()
  const message = expect.stringMatching(/the centre does not answer.*connection refused.*--central/) as string
  await expect(get(gone.central)).rejects.toMatchObject({ code: 'unavailable', message })
})

it('tells another server from a centre', async () => {
  await using other = await answering(404, '<html>', 'text/html')
  const message = expect.stringContaining('not as a centre does') as string
  await expect(get(other.central)).rejects.toMatchObject({ code: 'invalid', message })
})
