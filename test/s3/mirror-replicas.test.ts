import { randomBytes } from 'node:crypto'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { digestOf } from '@stowage/mirror/oci/digest'
import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { requirePart } from '../harness/require-part.ts'
import { runStowage } from '../harness/stowage.ts'
import { startReplica, type Replica } from './start-replica.ts'
import { withService } from './with-bucket.ts'

const mebibyte = 1024 * 1024
const data = 's3://stowage-tests/errors'
const noCredentials = {
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
  AWS_CONFIG_FILE: '/nowhere',
}

requirePart('versitygw')('mirrors over one bucket', () => {
  const service = withService()

  async function withReplicas(
    prefix: string,
    flags: readonly string[],
    work: (replicas: [Replica, Replica], directory: string) => Promise<void>,
  ): Promise<void> {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-replicas-'))
    const options = { service: service(), directory: directory.path, prefix }
    const start = (name: string) => startReplica({ ...options, name }, ...flags)
    const [first, second] = await Promise.all([start('first'), start('second')])
    await using _first = first
    await using _second = second
    await work([first, second], directory.path)
    for (const { logFile } of [first, second]) {
      const said = await readFile(logFile, 'utf8')
      for (const secret of [service().secretAccessKey, 'X-Amz-Signature']) expect(said).not.toContain(secret)
    }
  }

  it('finish an upload in whose midst one of them is killed', async () => {
    await withReplicas('killed', [], async ([first, second]) => {
      const bytes = randomBytes(20 * mebibyte)
      const digest = digestOf(bytes)
      const begun = await fetch(`${first.url}/v2/a/b/blobs/uploads/`, { method: 'POST' })
      const session = begun.headers.get('location') ?? ''
      const at = 9 * mebibyte
      const patched = await fetch(first.url + session, { method: 'PATCH', body: bytes.subarray(0, at) })
      expect(patched.status).toBe(202)
      const sizeAt = async ({ url }: Replica): Promise<number> => {
        const { headers } = await fetch(url + session)
        return Number(headers.get('range')?.split('-')[1]) + 1
      }
      const slow = request(first.url + session, { method: 'PATCH' }).on('error', () => undefined)
      let sent = at
      const sending = setInterval(() => slow.write(bytes.subarray(sent, (sent += 10_000))), 100)
      await eventually(async () => (await sizeAt(second)) > at, { what: 'a note of what came', withinMs: 30_000 })
      await first.program.kill()
      clearInterval(sending)
      const here = await sizeAt(second)
      expect(here).toBeGreaterThan(at)
      expect(here).toBeLessThanOrEqual(sent)
      const headers = { 'content-range': `${here}-${bytes.length - 1}` }
      const url = `${second.url}${session}?digest=${digest}`
      expect((await fetch(url, { method: 'PUT', body: bytes.subarray(here), headers })).status).toBe(201)
      const got = await fetch(`${second.url}/v2/a/b/blobs/${digest}`)
      expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
    })
  })

  it('send clients of a network on to the bucket, for whole large blobs', async () => {
    await withReplicas('redirects', ['--s3-redirect', '127.0.0.0/8'], async ([first, second]) => {
      const [small, large] = [randomBytes(1000), randomBytes(mebibyte)]
      for (const bytes of [small, large]) await push(first, bytes)
      const get = (bytes: Buffer, headers = {}) =>
        fetch(`${second.url}/v2/a/b/blobs/${digestOf(bytes)}`, { redirect: 'manual', headers })
      const redirect = await get(large)
      expect([redirect.status, redirect.headers.get('cache-control')]).toEqual([307, 'no-store'])
      const location = redirect.headers.get('location') ?? ''
      expect(location.startsWith(service().endpoint)).toBe(true)
      expect(location).not.toContain(service().secretAccessKey)
      expect(Buffer.from(await (await fetch(location)).arrayBuffer()).equals(large)).toBe(true)
      expect([(await get(small)).status, (await get(large, { range: 'bytes=0-9' })).status]).toEqual([200, 206])
    })
  })

  it.each([
    ['no such bucket', { place: 's3://nothing-here', env: {} }, /bucket nothing-here at .*: there is no such bucket/],
    ['a wrong secret', { place: data, env: { AWS_SECRET_ACCESS_KEY: 'shh' } }, /the secret does not belong/],
    ['no credentials', { place: data, env: noCredentials }, /there are no credentials; set AWS_ACCESS_KEY_ID/],
  ])('do not start with %s, and say what is wrong', async (_, { place, env }, message) => {
    const flags = ['--data', place, '--s3-endpoint', service().endpoint, '--listen', '127.0.0.1:0']
    const ran = await runStowage(['mirror', ...flags], { env: { ...service().env, ...env } })
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringMatching(message)])
    for (const secret of ['shh', service().accessKeyId, service().secretAccessKey]) {
      expect(ran.stdout + ran.stderr).not.toContain(secret)
    }
  })

  it('say so when the service goes away, and go on when it is back', async () => {
    await withReplicas('away', [], async ([first, second]) => {
      const bytes = randomBytes(mebibyte)
      await push(first, bytes)
      const asked = async (): Promise<number[]> => {
        const paths = [`/v2/a/b/blobs/${digestOf(bytes)}`, '/readyz', '/healthz']
        return await Promise.all(paths.map(async (path) => (await fetch(second.url + path, { method: 'HEAD' })).status))
      }
      expect(await asked()).toEqual([200, 200, 200])
      await service().kill()
      expect(await asked()).toEqual([503, 503, 200])
      await service().start()
      expect(await asked()).toEqual([200, 200, 200])
      await push(second, randomBytes(mebibyte))
    })
  })

  it('do not start while the service is away', async () => {
    const endpoint = `127.0.0.1:${await freePort()}`
    const flags = ['--data', data, '--s3-endpoint', `http://${endpoint}`, '--listen', '127.0.0.1:0']
    const ran = await runStowage(['mirror', ...flags], { env: service().env })
    expect([ran.code, ran.stderr]).toEqual([1, `stowage: ${endpoint}: connection refused`])
  })
})

async function push({ url }: Replica, bytes: Buffer): Promise<void> {
  const begun = await fetch(`${url}/v2/a/b/blobs/uploads/`, { method: 'POST' })
  const put = `${url}${begun.headers.get('location')}?digest=${digestOf(bytes)}`
  expect((await fetch(put, { method: 'PUT', body: bytes })).status).toBe(201)
}
