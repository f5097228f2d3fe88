import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { sourceViewSchema } from '@stowage/controller/operator-api/views'
import type { Centre } from '../harness/centre.ts'
import { startDockerRegistry, registryCredentials } from '../harness/docker-registry.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { imageCacheYaml, removeImageCache, writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { startLyingRegistry } from '../harness/lying-registry.ts'
import { holds, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent, untilSaid } from '../harness/said-of-image.ts'
import { openSite } from '../harness/site.ts'
import { imageAt, startSourceRegistry } from '../harness/source-registry.ts'
import { runStowage } from '../harness/stowage.ts'
import { askCentre } from '../harness/stowage-get.ts'
import { hasBlob, namesInLayout } from '../harness/verify-layout.ts'
import { textOfLogs } from '../harness/text-of-logs.ts'

/** What `stowage get` writes beside its list, without the cost of a process. */
async function complaintsOf({ url }: Centre): Promise<string> {
  const { problems } = sourceViewSchema.parse(await (await fetch(`${url}/api/v1/source`)).json())
  const lines = problems.map(({ severity, file, line, column, field, message }) => {
    const place = [file, line, column].filter((part) => part !== undefined).join(':')
    return `${severity}: ${place}: ${field === undefined ? '' : `${field}: `}${message}\n`
  })
  return lines.join('')
}

async function untilComplaint(centre: Centre, words: string): Promise<string> {
  return eventually(
    async () => {
      const said = await complaintsOf(centre)
      if (said.includes(words)) return said
      throw new Error(`it said: ${said}`)
    },
    { what: `"${words}" said of the wishes`, withinMs: 20_000 },
  )
}

describe('a mistake in the wishes', () => {
  it.concurrent('is said with file, line and field, and changes nothing until it is mended', async (test) => {
    await using journey = await openJourney(test)
    await using site = await openSite(journey)
    const { works, source, centre, agent } = site
    const [image, next] = [await works.make({ seed: 'app' }), await works.make({ seed: 'next' })]
    const app = await works.push(image, source, 'app:v1')
    const mended = await works.push(next, source, 'next:v1')
    const spec = { deletionPolicy: 'Purge' }
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference], spec })
    await untilHeld(agent.layout, [app])
    await untilPresent(centre, app)

    const good = imageCacheYaml({ name: 'shop', images: [app.reference], spec })
    const mistakes: [text: string, said: string][] = [
      [good.replace('spec:', 'spec: ['), 'shop.yaml:'],
      [good.replace('  - images:', '  - imagez:'), 'error: shop.yaml:7:5: spec.cacheSpec[0]'],
      [good.replace('deletionPolicy', 'deletePolicy'), 'deletePolicy'],
      [good.replace('"Purge"', '"Burn"'), 'error: shop.yaml:5:3: spec.deletionPolicy: Invalid option: expected one of'],
      [
        good.replace(app.reference, 'Not/A Reference'),
        'spec.cacheSpec[0].images[0]: "Not/A Reference" is not an image reference',
      ],
      [good.replace('name: shop', 'name: Shop!'), 'metadata.name'],
      [good.replace('kind: ImageCache', 'kind: ImageStash'), 'has no kind ImageStash'],
      ['just words', 'an object with apiVersion and kind is expected'],
      ['', 'the file is empty'],
    ]
    for (const [text, said] of mistakes) {
      await writeFile(path.join(centre.caches, 'shop.yaml'), text)
      expect(await untilComplaint(centre, said), text).toMatch(/^error: shop\.yaml(:\d+:\d+)?: /m)
      await holds(agent.layout, [app])
      expect(await askCentre('caches', centre.url), text).toMatchObject([{ name: 'shop', status: 'Succeeded' }])
    }
    const { stdout, stderr } = await runStowage(['get', 'caches', '--central', centre.url])
    expect(stdout).toContain('Succeeded')
    expect(`${stderr}\n`).toBe(await complaintsOf(centre))
    // Another file is not touched by this one's mistake.
    await writeImageCache(centre.caches, { name: 'other', images: [mended.reference] })
    await untilHeld(agent.layout, [app, mended])
    await removeImageCache(centre.caches, 'other')
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference, mended.reference], spec })
    await eventually(async () => (await complaintsOf(centre)) === '', { what: 'no complaint', withinMs: 20_000 })
    await untilHeld(agent.layout, [app, mended])
  })
})

describe('an image that cannot be had', () => {
  it.concurrent(
    'because it does not exist is named as failed, keeps no other image waiting, and comes once it exists',
    async (test) => {
      await using journey = await openJourney(test)
      await using site = await openSite(journey)
      const { works, source, centre, agent } = site
      const app = await works.push(await works.make({ seed: 'app' }), source, 'app:v1')
      const absent = `${source.host}/app:v9`
      const nowhere = `${source.host}/nowhere/at/all:v1`
      await writeImageCache(centre.caches, { name: 'shop', images: [absent, nowhere, app.reference] })
      await untilHeld(agent.layout, [app])
      const view = await untilSaid(centre, absent, /not found|no such|does not (have|exist)/)
      expect(view).toMatchObject({ state: 'failed' })
      expect(view.message).toContain('app:v9')
      await untilSaid(centre, nowhere, /not found|no such|does not (have|exist)/)
      expect(await askCentre('caches', centre.url)).toMatchObject([{ name: 'shop', status: 'Failed' }])
      const table = await runStowage(['get', 'caches', '--central', centre.url])
      expect(table.stdout).toContain('Failed')
      expect(table.stdout).toMatch(/app:v9|nowhere/)

      const late = await works.push(await works.make({ seed: 'late' }), source, 'app:v9')
      await untilHeld(agent.layout, [app, late])
    },
  )

  it.concurrent('because its registry is away comes once that is back', async (test) => {
    await using journey = await openJourney(test)
    await using site = await openSite(journey)
    const { works, source, centre, agent } = site
    const image = await works.make({ seed: 'app' })
    const first = await works.push(image, source, 'app:v1')
    const second = await works.push(await works.make({ seed: 'next' }), source, 'next:v1')
    const port = await freePort()
    const away = `127.0.0.1:${port}`
    const awayImage = imageAt(`${away}/app:v1`, first.root)
    await writeImageCache(centre.caches, { name: 'shop', images: [first.reference] })
    await untilHeld(agent.layout, [first])
    await source.stop()
    await writeImageCache(centre.caches, { name: 'shop', images: [second.reference, awayImage.reference] })
    for (const reference of [second.reference, awayImage.reference]) {
      const view = await untilSaid(centre, reference, /next try in \d+ s|trying again/)
      expect(view.message).toMatch(/refused|reach|connect/)
      expect(view.message).toContain(reference.split('/')[0])
    }
    await holds(agent.layout, [first])

    await source.start()
    await using late = await startSourceRegistry({ directory: journey.at('late'), port })
    await works.push(image, late, 'app:v1')
    await untilHeld(agent.layout, [second, awayImage])
  })

  it.concurrent(
    'because a blob of it is damaged is not published anywhere, and comes once that is whole',
    async (test) => {
      await using journey = await openJourney(test)
      await using site = await openSite(journey)
      const { works, source, centre, agent } = site
      const image = await works.make({ seed: 'app', layerSizes: [50_000, 40_000] })
      const [, damaged] = image.layers
      const lieAbout = damaged!.digest
      await using registry = await startLyingRegistry({ layout: works.layout, manifest: image.manifest, lieAbout })
      const app = imageAt(`${registry.host}/app:v1`, image.manifest)
      const good = await works.push(await works.make({ seed: 'good' }), source, 'good:v1')
      await writeImageCache(centre.caches, { name: 'shop', images: [app.reference, good.reference] })
      await untilHeld(agent.layout, [good])
      const view = await untilSaid(centre, app.reference, new RegExp(lieAbout))
      expect(view.message).not.toContain('bug')
      await eventually(() => registry.lies() >= 2, { what: 'another try', withinMs: 30_000 })
      expect(await namesInLayout(agent.layout)).toEqual([good.reference])
      expect(await hasBlob(agent.layout, lieAbout)).toBe(false)
      const served = await fetch(`${centre.url}/v2/${registry.host.replace(':', '_')}/app/blobs/${lieAbout}`)
      expect(served.status).toBe(404)

      registry.mend()
      await untilHeld(agent.layout, [app, good])
    },
  )
})

requirePart('docker-registry')('a registry that asks for a password', () => {
  it.concurrent('gives its images for the right one only, and no log ever holds either', async (test) => {
    await using journey = await openJourney(test)
    await using registry = await startDockerRegistry({ directory: journey.at('registry'), auth: true })
    await using site = await openSite(journey, { centre: { env: { STOWAGE_LOG_LEVEL: 'debug' } } })
    const { works, centre, agent } = site
    const app = await works.push(await works.make({ seed: 'app' }), registry, 'private/app:v1')
    const wrong = 'wr0ng-pass-7f3a'

    // Without any, with an unknown secret, with a wrong one, and at last with the right one.
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference] })
    const none = await untilSaid(centre, app.reference, /401|denied|credentials|unauthorized/i)
    expect(none).toMatchObject({ state: 'failed' })
    const spec = { imagePullSecrets: [{ name: 'registry' }] }
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference], spec })
    await writeFile(path.join(centre.caches, 'secret.yaml'), pullSecret(registry.host, wrong))
    await untilSaid(centre, app.reference, /401|denied|refuse|unauthorized/i)
    expect(await namesInLayout(agent.layout)).toEqual([])
    await writeFile(path.join(centre.caches, 'secret.yaml'), pullSecret(registry.host, registryCredentials.password))
    await untilHeld(agent.layout, [app])

    const brokenSecret = pullSecret(registry.host, wrong).replace('"}', '')
    await writeFile(path.join(centre.caches, 'secret.yaml'), brokenSecret)
    const complaint = await untilComplaint(centre, 'error: secret.yaml')
    const wide = await runStowage(['get', 'images', '-o', 'wide', '--central', centre.url])
    const json = await runStowage(['get', 'caches', '-o', 'json', '--central', centre.url])
    const all = [await textOfLogs(journey.directory), complaint, wide.stdout, json.stdout].join('\n')
    for (const password of [wrong, registryCredentials.password]) {
      const auth = Buffer.from(`${registryCredentials.username}:${password}`).toString('base64')
      expect(all).not.toContain(auth)
      expect(all).not.toContain(`${registryCredentials.username}:${password}`)
    }
    expect(all).not.toContain(wrong)
  })

  it.concurrent('takes the credentials of the machine', async (test) => {
    await using journey = await openJourney(test)
    await using registry = await startDockerRegistry({ directory: journey.at('registry'), auth: true })
    const { username, password } = registryCredentials
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    await writeFile(journey.at('config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }))
    const env = { DOCKER_CONFIG: journey.directory }
    await using site = await openSite(journey, { centre: { env } })
    const { works, centre, agent } = site
    const app = await works.push(await works.make({ seed: 'app' }), registry, 'private/app:v1')
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference] })
    await untilHeld(agent.layout, [app])
    expect(await textOfLogs(journey.directory)).not.toContain(auth)
  })
})

function pullSecret(host: string, password: string): string {
  const auths = { [host]: { username: registryCredentials.username, password } }
  return [
    'apiVersion: v1',
    'kind: Secret',
    'metadata: { name: registry, namespace: default }',
    'type: kubernetes.io/dockerconfigjson',
    `stringData: { .dockerconfigjson: ${JSON.stringify(JSON.stringify({ auths }))} }`,
    '',
  ].join('\n')
}
