import { fastify, type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../testing/silent-log.ts'
import { webhookRoutes } from './webhook-routes.ts'

const kind = { group: 'kubefledged.io', version: 'v1alpha2', kind: 'ImageCache' }
const twice = { spec: { cacheSpec: [{ images: ['a', 'a'] }] } }

function review(request: object, version = 'v1'): object {
  return {
    apiVersion: `admission.k8s.io/${version}`,
    kind: 'AdmissionReview',
    request: { uid: 'u-1', kind, operation: 'CREATE', oldObject: null, ...request },
  }
}

describe('the webhook', () => {
  let app: FastifyInstance
  beforeAll(async () => {
    app = fastify()
    await app.register(webhookRoutes, { strict: false, log: silentLog })
  })
  afterAll(() => app.close())

  const post = (payload: object | string, url = '/validate-image-cache', type = 'application/json') =>
    app.inject({ method: 'POST', url, payload, headers: { 'content-type': type } })

  it.each(['v1', 'v1beta1'])(
    'answers a review of %s in that version, with the words of the denial alone',
    async (version) => {
      const answer = await post(review({ object: twice }, version), '/validate-image-cache?timeout=1s')
      expect(answer.statusCode).toBe(200)
      expect(answer.headers['content-type']).toContain('application/json')
      expect(answer.json()).toEqual({
        apiVersion: `admission.k8s.io/${version}`,
        kind: 'AdmissionReview',
        response: {
          uid: 'u-1',
          allowed: false,
          status: { message: 'Duplicate image names within image list: a' },
        },
      })
    },
  )

  it.each<[string, object]>([
    ['a good one', { object: { spec: { cacheSpec: [] } } }],
    ['one that is to go', { operation: 'DELETE', object: null, oldObject: twice }],
    ['what is connected to', { operation: 'CONNECT', object: twice }],
    ['another kind', { kind: { ...kind, kind: 'EdgeNode' }, object: twice }],
    ['a kind of others', { kind: { ...kind, group: 'example.com' }, object: twice }],
    ['one whose spec stays', { operation: 'UPDATE', object: { ...twice, status: {} }, oldObject: twice }],
  ])('has nothing against %s', async (_, request) => {
    expect((await post(review(request))).json()).toMatchObject({ response: { uid: 'u-1', allowed: true } })
  })

  it('changes nothing where it is asked to', async () => {
    const answer = await post(review({ object: twice }), '/mutate-image-cache')
    expect(answer.json()).toMatchObject({ response: { uid: 'u-1', allowed: true } })
    expect(answer.json()).not.toHaveProperty('response.patch')
  })

  it.each<[object | string, string]>([
    ['{', 'Request could not be decoded: '],
    ['', 'Request could not be decoded: '],
    [{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }, 'Request could not be decoded: '],
    [
      { apiVersion: 'admission.k8s.io/v2', kind: 'AdmissionReview' },
      'Unsupported group version kind: admission.k8s.io/v2, Kind=AdmissionReview',
    ],
    [{ apiVersion: 'v1', kind: 'Pod' }, 'Unsupported group version kind: v1, Kind=Pod'],
    ['null', 'Unsupported group version kind: , Kind='],
  ])('does not understand %j', async (payload, text) => {
    const answer = await post(payload)
    expect([answer.statusCode, answer.body.slice(0, text.length)]).toEqual([400, text])
  })

  it('takes JSON alone, and not more than an API server may have to say', async () => {
    expect((await post('a=b', '/validate-image-cache', 'application/x-www-form-urlencoded')).statusCode).toBe(415)
    const images = [`a${'b'.repeat(9 * 1024 * 1024)}`]
    expect((await post(review({ object: { spec: { cacheSpec: [{ images }] } } }))).statusCode).toBe(413)
    const large = [{ images: Array.from({ length: 2000 }, (_, index) => `registry.example.com/team/app-${index}:1.0`) }]
    expect((await post(review({ object: { spec: { cacheSpec: large } } }))).json()).toMatchObject({
      response: { allowed: true },
    })
  })

  it.each(['/readyz', '/healthz'])('says at %s that it is there', async (url) => {
    expect((await app.inject({ url })).body).toBe('ok')
  })
})
