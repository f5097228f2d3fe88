import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { credentialsFromDockerConfig } from '../registry/credential-source.ts'
import type { CredentialSource } from '../registry/credential.ts'
import { parseDockerConfig } from '../registry/docker-config.ts'
import type { FakeAccess } from '../registry/fake-access.ts'
import { addFakeImage, fakeContent } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { fakeHost, fakeRepository, localPath, openFakeMirror, type FakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()

/** The key of a service account as people keep it: JSON over several lines. */
const jsonKey = JSON.stringify({ type: 'service_account', private_key: '-----BEGIN\nabc:def=\n' }, undefined, 2)

/** As `docker login` writes it down for the name of the registry. */
function loggedIn(entry: object): CredentialSource {
  const config = parseDockerConfig(JSON.stringify({ auths: { [fakeHost]: entry } }), 'config.json')
  const source = credentialsFromDockerConfig(config, { askHelper: async () => undefined })
  return (image, options) => source({ ...image, registry: fakeHost }, options)
}

const auth = (username: string, password: string) => ({
  auth: Buffer.from(`${username}:${password}`).toString('base64'),
})

async function pull({ ask }: FakeMirror): Promise<string[]> {
  const manifest = await ask(`${localPath}/manifests/v1`)
  const { layers } = (await manifest.clone().json()) as { layers: { digest: string }[] }
  const blob = await ask(`${localPath}/blobs/${layers[0]!.digest}`)
  return [manifest.headers.get('docker-content-digest') ?? '', digestOf(Buffer.from(await blob.arrayBuffer()))]
}

const shapes: [string, FakeAccess, object | undefined][] = [
  ['ECR', { kind: 'basic', users: { AWS: 'for-twelve-hours' } }, auth('AWS', 'for-twelve-hours')],
  [
    'Artifact Registry with a key in JSON',
    { kind: 'token', users: { _json_key: jsonKey }, tokenPath: '/v2/token', service: 'eu-docker.pkg.dev' },
    auth('_json_key', jsonKey),
  ],
  [
    'GCR with an access token',
    { kind: 'token', users: { oauth2accesstoken: 'ya29.x-Y_z' }, tokenPath: '/v2/token', service: 'gcr.io' },
    auth('oauth2accesstoken', 'ya29.x-Y_z'),
  ],
  ['GHCR for everybody', { kind: 'token', anonymous: true, service: 'ghcr.io' }, undefined],
  [
    'GHCR with a personal token',
    { kind: 'token', users: { octo: 'ghp_abc' }, service: 'ghcr.io' },
    auth('octo', 'ghp_abc'),
  ],
  [
    'Quay with a robot',
    { kind: 'token', users: { 'org+robot': 'secret' }, tokenPath: '/v2/auth', service: 'quay.io' },
    auth('org+robot', 'secret'),
  ],
  [
    'Quay with an OAuth token',
    { kind: 'token', users: { $oauthtoken: 'secret' }, tokenPath: '/v2/auth', service: 'quay.io' },
    auth('$oauthtoken', 'secret'),
  ],
  [
    'Harbor with a robot of a project',
    { kind: 'token', users: { 'robot$shop+pull': 's:e:c' }, tokenPath: '/service/token', service: 'harbor-registry' },
    auth('robot$shop+pull', 's:e:c'),
  ],
  [
    'ACR with an identity token',
    { kind: 'token', identityTokens: ['refresh'], tokenPath: '/oauth2/token', service: 'x.azurecr.io' },
    { ...auth('00000000-0000-0000-0000-000000000000', ''), identitytoken: 'refresh' },
  ],
]

describe('an upstream like', () => {
  it.each(shapes)('%s is pulled through, also when its tokens have expired', async (_, access, entry) => {
    const upstream = await upstreamOf({ access, redirectBlobs: true })
    const { root } = addFakeImage(upstream)
    const client = entry ? { credentials: loggedIn(entry) } : {}
    await using mirror = await openFakeMirror(upstream, { client, settings: { freshness: 'always' } })
    expect(await pull(mirror)).toEqual([root.digest, digestOf(fakeContent)])
    upstream.expireTokens()
    expect(await pull(mirror)).toEqual([root.digest, digestOf(fakeContent)])
    const storage = upstream.requests.filter(({ server }) => server === 'storage')
    expect(storage.length).toBeGreaterThan(0)
    expect(storage.filter(({ headers }) => headers.authorization !== undefined)).toEqual([])
  })

  it('ECR is asked with the next password when the last one has run out', async () => {
    const users = { AWS: 'first' }
    const upstream = await upstreamOf({ access: { kind: 'basic', users } })
    const { root, layer } = addFakeImage(upstream)
    let password = 'first'
    const credentials: CredentialSource = async () => [{ username: 'AWS', password, origin: 'helper' }]
    await using mirror = await openFakeMirror(upstream, { client: { credentials } })
    await mirror.ask(`${localPath}/manifests/${root.digest}`)
    password = users.AWS = 'second'
    const blob = await mirror.ask(`${localPath}/blobs/${layer.digest}`)
    expect(digestOf(Buffer.from(await blob.arrayBuffer()))).toBe(layer.digest)
  })

  it.each([
    ['has a credential that is refused', { username: 'robot', password: 'p', origin: '/etc/secret.json' }, 403],
    ['has none', undefined, 403],
    ['could not find out its credential', new Fault('invalid', 'robot: /etc/secret.json is not JSON'), 503],
  ])('any tells clients nothing of who we are, and the log all, when this mirror %s', async (_, found, status) => {
    const upstream = await upstreamOf({ access: { kind: 'basic', users: { a: 'b' } } })
    const { layer } = addFakeImage(upstream)
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
    const credentials: CredentialSource = async () => (found ? [found] : [])
    await using mirror = await openFakeMirror(upstream, { client: { credentials }, log })
    for (const path of [`manifests/v1`, `blobs/${layer.digest}`]) {
      const answer = await mirror.ask(`${localPath}/${path}`)
      const { errors } = (await answer.json()) as { errors: { message: string }[] }
      expect([answer.status, errors[0]?.message]).toEqual([status, expect.stringContaining(fakeHost)])
      expect(errors[0]?.message).not.toMatch(/robot|secret|127\.0\.0\.1|pull secret/)
    }
    if (status === 403) expect(lines.join()).toContain('an upstream refuses what it is asked for')
    if (status === 403 && found) expect(lines.join()).toContain('robot (from /etc/secret.json)')
  })

  it('one that wants credentials which we have not is not passed on as a challenge', async () => {
    const upstream = await upstreamOf({ access: { kind: 'token', users: { a: 'b' }, service: 'x' } })
    addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    const answer = await mirror.ask(`/v2/${fakeRepository}/manifests/v1?ns=${fakeHost}`)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([403, null])
  })
})
