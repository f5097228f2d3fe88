import { writeFile } from 'node:fs/promises'
import { createFakeCertificate } from '@stowage/mirror/registry/fake-certificate'
import { expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { untilCacheStatus } from '../harness/kube/cache-status.ts'
import { applyDefinitions, imageCache, namespace } from '../harness/kube/cluster-site.ts'
import { makeControllerAccount } from '../harness/kube/controller-account.ts'
import { startKubeApi } from '../harness/kube/start-kube-api.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { startRoundRobin } from '../harness/round-robin.ts'
import { openImageWorks, startSourceRegistry } from '../harness/source-registry.ts'
import type { Spawned } from '../harness/spawned.ts'
import { spawnStowage } from '../harness/stowage.ts'
import { startReplica } from './start-replica.ts'
import { withService } from './with-bucket.ts'

requirePart(
  'versitygw',
  'kube-api',
  'docker-registry',
)('two controllers over two mirrors over one bucket', () => {
  const service = withService()

  it('speak TLS with nodes and with each other, and lose nothing when one of each is killed', async () => {
    await using journey = await openJourney()
    await using kube = await startKubeApi({ directory: journey.at('kube') })
    await applyDefinitions(kube)
    await kube.kubectl('create', 'namespace', namespace)
    const works = await openImageWorks(journey.at('made'))
    await using source = await startSourceRegistry({ directory: journey.at('source') })
    const push = async (name: string) => works.push(await works.make({ seed: name }), source, `${name}:v1`)

    const token = await file(journey, 'token', 'of-the-tests-and-of-nobody-else')
    const replica = { service: service(), directory: journey.directory, prefix: 'shared' }
    const startMirror = (name: string) => startReplica({ ...replica, name }, '--objects-token-file', token)
    await using firstMirror = await startMirror('mirror-1')
    await using secondMirror = await startMirror('mirror-2')
    await using door = await startRoundRobin([firstMirror.url, secondMirror.url])

    const { cert, key } = createFakeCertificate()
    const ca = await file(journey, 'tls.crt', cert)
    const cluster = ['--kubeconfig', await makeControllerAccount(kube), '--leader-elect-resource-namespace', namespace]
    const store = ['--mirror', door.url, '--mirror-token-file', token]
    const tls = ['--tls-cert-file', ca, '--tls-key-file', await file(journey, 'tls.key', key)]
    const flags = [...cluster, ...shortLease, ...store, ...tls]
    await using one = await startController(journey, 'one', flags)
    await using other = await startController(journey, 'other', flags)
    const leader = async () => {
      const { spec, metadata } = await kube.get<Lease>('lease', 'stowage-controller', '--namespace', namespace)
      const address = metadata.annotations?.['stowage.dev/address']
      return spec.holderIdentity ? [one, other].find(({ url }) => url.endsWith(`//${address}`)) : undefined
    }
    const first = await eventually(leader, { what: 'a leader', withinMs: 60_000 })
    const second = first === one ? other : one

    // It asks the one that does not lead.
    const central = second.url
    await using agent = await startAgent({
      directory: journey.at('edge-1'),
      central,
      node: 'edge-1',
      env: { NODE_EXTRA_CA_CERTS: ca },
    })
    const [app, tool] = [await push('app'), await push('tool')]
    await kube.apply(imageCache('shop', [{ images: [app.reference] }]))
    await untilHeld(agent.layout, [app])
    await untilCacheStatus(kube, 'shop', ({ status }) => status === 'Succeeded')

    await firstMirror.program.kill()
    await first.program.kill()
    await kube.apply(imageCache('shop', [{ images: [app.reference, tool.reference] }]))
    await untilHeld(agent.layout, [app, tool])
    await untilCacheStatus(
      kube,
      'shop',
      ({ status, reason }) => status === 'Succeeded' && reason === 'ImageCacheUpdate',
    )
    expect(await leader()).toBe(second)
  })
})

const shortLease = [
  '--leader-elect-lease-duration=6s',
  '--leader-elect-renew-deadline=4s',
  '--leader-elect-retry-period=1s',
]

interface Lease {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: { readonly holderIdentity?: string }
}

interface Controller extends AsyncDisposable {
  readonly url: string
  readonly program: Spawned
}

async function startController(journey: Journey, name: string, flags: readonly string[]): Promise<Controller> {
  const listen = `127.0.0.1:${await freePort()}`
  const program = spawnStowage(['--log-format', 'json', 'controller', '--listen', listen, ...flags], {
    name,
    outputFile: journey.at(`${name}.log`),
  })
  await program.waitForLine(/"msg":"listening"/)
  return { url: `https://${listen}`, program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() }
}

async function file(journey: Journey, name: string, text: string): Promise<string> {
  await writeFile(journey.at(name), text)
  return journey.at(name)
}
