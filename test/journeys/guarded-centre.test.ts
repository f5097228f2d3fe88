import { writeFile } from 'node:fs/promises'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { passwords, startGuardedMirror } from '../clients/guarded-mirror.ts'
import { startAgent } from '../harness/agent.ts'
import { startCentre } from '../harness/centre.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { machinePlatform } from '../harness/machine-platform.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { skopeoPush } from '../harness/skopeo-push.ts'
import { runStowage } from '../harness/stowage.ts'
import { createOciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'

requirePart('skopeo')('a centre with TLS, of whose registry everybody may pull some repositories', () => {
  it('fetches with a login, serves agents and operators, and takes nothing from others', async () => {
    await using journey = await openJourney()
    await using vendor = await startGuardedMirror(journey.directory, { tls: false })
    const layout = await createOciLayout(journey.at('layout'))
    const platform = machinePlatform
    const { manifest } = await smallImage(layout, { name: 'app', platform })
    const reference = `${vendor.host}/shop/app:v1`
    const credentials = { username: 'ann', password: passwords.ann }
    await skopeoPush({ layout, name: 'app', reference, credentials })
    const login = Buffer.from(`ann:${passwords.ann}`).toString('base64')
    await writeFile(journey.at('config.json'), JSON.stringify({ auths: { [vendor.host]: { auth: login } } }))

    const ca = ['--ca-file', vendor.caFile]
    const tls = ['--tls-cert-file', vendor.caFile, '--tls-key-file', vendor.keyFile, ...ca]
    const rules = [{ repositories: ['*/shop/*', 'stowage/sets'], who: 'anyone', may: ['pull'] }]
    await writeFile(journey.at('access.json'), JSON.stringify({ rules }))
    const flags = [...tls, '--access-file', journey.at('access.json'), '--docker-config', journey.at('config.json')]
    await using centre = await startCentre({ directory: journey.at('centre'), flags })
    const central = centre.url.replace('http:', 'https:')
    await using agent = await startAgent({ directory: journey.at('node'), central, flags: ca })
    await writeImageCache(centre.caches, { name: 'shop', images: [reference] })
    const expected = { name: reference, root: manifest.digest, ...platform }
    await untilHeld(agent.layout, [{ reference, root: manifest, expected }])

    const said = await runStowage(['get', 'images', '--central', central, ...ca])
    expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining(reference) as string })
    const push = `docker://${new URL(central).host}/pushed:v1`
    const refused = execa('skopeo', ['copy', `oci:${layout.directory}:app`, push], { env: vendor.env })
    await expect(refused).rejects.toThrow(/denied|403|not allowed/)
  })
})
