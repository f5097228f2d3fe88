import { writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { startCentre } from '../harness/centre.ts'
import { makeCredentialPlugin } from '../harness/credential-plugin.ts'
import { registryCredentials, startDockerRegistry } from '../harness/docker-registry.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache, openClusterSite } from '../harness/kube/cluster-site.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilSaid } from '../harness/said-of-image.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { runStowage } from '../harness/stowage.ts'
import { textOfLogs } from '../harness/text-of-logs.ts'

/** `rotated` under bcrypt. */
const rotated = 'stowage:$2b$04$abcdefghijklmnopqrstuuSyk/X/xTlNvaSy3dDba9.wRaPRcYK7K\n'

requirePart('docker-registry')('an image whose credentials only a plugin gives', () => {
  it('comes once the plugin gives them, also when they have expired before the plugin said so', async () => {
    await using journey = await openJourney()
    await using registry = await startDockerRegistry({ directory: journey.at('registry'), auth: true })
    const plugin = await makeCredentialPlugin(journey.at('plugin'), registry.host)
    await using centre = await startCentre({ directory: journey.at('centre'), flags: plugin.flags })
    await using agent = await startAgent({ directory: journey.at('node'), central: centre.url })
    const works = await openImageWorks(journey.at('made'))
    const app = await works.push(await works.make({ seed: 'app' }), registry, 'team/app:v1')
    const next = await works.push(await works.make({ seed: 'next' }), registry, 'team/next:v1')
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference] })
    const repository = `${registry.host}/team/app`
    await untilSaid(
      centre,
      app.reference,
      new RegExp(`credential provider test-provider, asked for ${repository}, failed with exit code 1`),
    )
    await plugin.give(registryCredentials)
    await untilHeld(agent.layout, [app])

    await writeFile(journey.at('registry', 'htpasswd'), rotated)
    await plugin.give({ ...registryCredentials, password: 'rotated' })
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference, next.reference] })
    await untilHeld(agent.layout, [app, next])
    const logs = await textOfLogs(journey.directory)
    expect(logs).toContain('credential provider failed')
    expect(logs).not.toMatch(/"password"|password is (?!…)|rotated/)
  })

  it('keeps a centre from starting when what names the plugin is wrong', async () => {
    await using journey = await openJourney()
    const plugin = await makeCredentialPlugin(journey.at('plugin'), 'registry.example')
    const up = (...flags: string[]) =>
      runStowage(['up', '--caches', journey.directory, '--data', journey.at('data'), ...flags])
    const [config = '', directory = ''] = plugin.flags
    const alone = await up(config)
    expect(alone.code).not.toBe(0)
    expect(alone.stderr).toContain('need each other')
    await writeFile(journey.at('plugin/config.yaml'), 'kind: CredentialProviderConfig\nproviders: []\n')
    const wrong = await up(config, directory)
    expect(wrong.code).not.toBe(0)
    expect(wrong.stderr).toContain(`${config.replace('=', ' ')}: apiVersion: `)
    expect(wrong.stderr).toContain('providers: names no plugin')
  })
})

requirePart('kube-api', 'docker-registry')('an image of a cluster whose credentials only a plugin gives', () => {
  it('fails by the name of the plugin, and comes once that gives them', async () => {
    await using journey = await openJourney()
    await using registry = await startDockerRegistry({ directory: journey.at('registry'), auth: true })
    const plugin = await makeCredentialPlugin(journey.at('plugin'), registry.host)
    await using site = await openClusterSite(journey, { flags: plugin.flags })
    const { layout } = await site.agent('edge-1')
    const works = await openImageWorks(journey.at('private'))
    const image = await works.push(await works.make({ seed: 'private' }), registry, 'team/app:v1')
    await site.kube.apply(imageCache('shop', [{ images: [image.reference] }]))
    const { failures } = await site.untilStatus('shop', ({ status }) => status === 'Failed')
    expect(failures).toEqual({
      [image.reference]: [
        {
          node: 'edge-1',
          reason: 'CredentialProviderFailed',
          message: expect.stringContaining(
            `credential provider test-provider, asked for ${registry.host}/team/app, failed`,
          ),
        },
      ],
    })
    await plugin.give(registryCredentials)
    await untilHeld(layout, [image])
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
  })
})
