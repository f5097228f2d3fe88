import { execa } from 'execa'
import { expect, it } from 'vitest'
import { registryCredentials, startDockerRegistry } from '../harness/docker-registry.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache, namespace, openClusterSite } from '../harness/kube/cluster-site.ts'
import { kubeProgram } from '../harness/kube/kube-programs.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { openImageWorks } from '../harness/source-registry.ts'

requirePart('kube-api', 'docker-registry')('an image behind a password', () => {
  it('is forbidden until somebody types the command that the status names, and follows its Secret', async () => {
    await using journey = await openJourney()
    await using registry = await startDockerRegistry({ directory: journey.at('registry'), auth: true })
    await using site = await openClusterSite(journey)
    const { kube } = site
    const { layout } = await site.agent('edge-1')
    const works = await openImageWorks(journey.at('private'))
    const image = await works.push(await works.make({ seed: 'private' }), registry, 'private:v1')
    const { username, password } = registryCredentials
    const pullSecret = (word: string): Promise<void> =>
      kube.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'registry', namespace },
        type: 'kubernetes.io/dockerconfigjson',
        stringData: {
          '.dockerconfigjson': JSON.stringify({ auths: { [registry.host]: { username, password: word } } }),
        },
      })
    await pullSecret('wrong')
    await kube.apply(imageCache('shop', [{ images: [image.reference] }], { imagePullSecrets: [{ name: 'registry' }] }))

    const failed = await site.untilStatus('shop', ({ status }) => status === 'Failed')
    const { reason, message = '' } = Object.values(failed.failures ?? {}).flat()[0] ?? {}
    expect(reason).toBe('PullSecretForbidden')
    expect(message).toContain(`PullSecretForbidden: the controller may not read the Secrets of namespace ${namespace}`)
    const [command = ''] = /kubectl create role .*$/.exec(message) ?? []
    expect(command).toContain('--serviceaccount=kube-fledged:kubefledged-controller')
    const asAdministrator = command.replaceAll(
      'kubectl ',
      `${kubeProgram('kubectl')} --kubeconfig=${kube.files.kubeconfig} `,
    )
    await execa('sh', ['-c', asAdministrator])

    const isWrong = (words: string): boolean => !words.includes('PullSecretForbidden')
    await site.untilStatus('shop', ({ status, failures }) => {
      return status === 'Failed' && isWrong(Object.values(failures ?? {}).flat()[0]?.message ?? '')
    })
    await pullSecret(password)
    await untilHeld(layout, [image])
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
  })
})
