import { pino } from 'pino'
import { expect, it } from 'vitest'
import { addFakeImage } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import type { Trouble } from '../registry/fake-trouble.ts'
import { openFakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()

/** What the upstream says itself, for whoever runs the mirror. */
const inner = 'see db-7.inner.example'
const body = JSON.stringify({ errors: [{ code: 'UNKNOWN', message: inner }] })
const settings = { host: '10.9.8.7:5000', prefix: 'vendor' }
const proxy = { httpProxy: 'http://robot:secret@127.0.0.2:1', noProxy: '' }

const everything = (status: number): Trouble => ({ when: /^(GET|HEAD) .*(manifests|blobs)/, answer: { status, body } })

it.each<[string, number, RegExp, string, Trouble | 'gone']>([
  ['has nothing of the kind', 404, /its upstream has nothing of the kind/, inner, everything(404)],
  ['refuses', 403, /its upstream refused this mirror/, inner, everything(403)],
  ['fails', 503, /its upstream does not answer/, inner, everything(500)],
  ['asks for rest', 503, /asked to be asked less often/, 'too many requests (429)', everything(429)],
  ['gives nonsense', 503, /not what it has to be/, inner, everything(418)],
  ['is gone', 503, /its upstream does not answer/, 'connection refused', 'gone'],
])('a client hears of an upstream that %s in our words, and the log all', async (_, status, words, logged, trouble) => {
  const upstream = await upstreamOf()
  const { root, layer } = addFakeImage(upstream)
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(line) })
  const isGone = trouble === 'gone'
  if (!isGone) upstream.trouble(trouble)
  const where = isGone ? { host: '127.0.0.1:1' } : upstream
  await using mirror = await openFakeMirror(where, { settings, log })
  for (const path of ['manifests/v1', `manifests/${root.digest}`, `blobs/${layer.digest}`]) {
    const answer = await mirror.ask(`/v2/vendor/team/app/${path}`)
    const { errors } = (await answer.json()) as { errors: { message: string }[] }
    const [, reference = ''] = path.split('/')
    expect([answer.status, errors[0]?.message]).toEqual([status, expect.stringMatching(words)])
    expect(errors[0]?.message).toMatch(new RegExp(`^vendor/team/app[:@]${reference}: `))
    expect(JSON.stringify(errors)).not.toMatch(/127\.0\.0|10\.9\.8|inner/)
  }
  expect(lines.join()).toContain(logged)
})

it('a client hears nothing of the proxy by way of which an upstream is asked', async () => {
  const upstream = await upstreamOf()
  addFakeImage(upstream)
  await using mirror = await openFakeMirror({ host: 'db-7.inner.example' }, { settings, client: { proxy } })
  const answer = await mirror.ask('/v2/vendor/team/app/manifests/v1')
  expect(answer.status).toBe(503)
  expect(await answer.text()).not.toMatch(/prox|robot|127\.0\.0|inner/)
})

it('a client that pushes is not told where the upstream is', async () => {
  const upstream = await upstreamOf()
  await using mirror = await openFakeMirror(upstream, { settings })
  const answer = await mirror.ask('/v2/vendor/team/app/manifests/v1', { method: 'PUT', body: '{}' })
  expect([answer.status, await answer.text()]).toEqual([405, expect.not.stringContaining('10.9.8')])
})
