import { expect, it } from 'vitest'
import { isProcessAlive } from '../is-process-alive.ts'
import { openJourney } from '../journey.ts'
import { requirePart } from '../require-part.ts'
import { startKubeApi } from './start-kube-api.ts'
import { kubeApiProcesses } from './sweep-kube-api.ts'

requirePart('kube-api')('an API server of a test', () => {
  it('keeps objects when it is killed and comes back, and leaves no process behind', async () => {
    await using journey = await openJourney()
    await using kube = await startKubeApi({ directory: journey.at('kube') })
    await kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'words' }, data: { said: 'yes' } })
    await kube.server.kill()
    await kube.server.start()
    expect(await kube.get('configmap', 'words')).toMatchObject({ data: { said: 'yes' } })
    const pids = await kubeApiProcesses(kube.files.directory)
    expect(pids).toHaveLength(2)

    await kube.stop()
    expect(pids.filter(isProcessAlive)).toEqual([])
  })
})
