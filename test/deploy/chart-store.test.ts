import { expect, it } from 'vitest'
import { renderChart } from '../harness/helm.ts'
import { requirePart } from '../harness/require-part.ts'
import { deploymentIn } from './deployment-in.ts'

requirePart('helm')('the chart, as to where all is kept', () => {
  it('gives the volume to the mirror if that has a pod of its own, and a token to both, which no file holds', async () => {
    const text = await renderChart({ 'mirror.separate': true })
    const [controller, mirror] = ['controller', 'mirror'].map((who) => deploymentIn(text, `kube-fledged-${who}`))
    expect(controller).toContain('--mirror=http://kube-fledged-mirror:5080\n')
    expect(controller).not.toContain('kube-fledged-controller-store')
    expect(mirror).toContain('claimName: kube-fledged-controller-store')
    for (const part of [controller, mirror]) expect(part).toContain('secretName: kube-fledged-mirror-token')
    expect(await renderChart()).not.toContain('mirror')
    const mine = { 'mirror.existingTokenSecret': 'mine', 'webhookServer.enable': false }
    const own = await renderChart({ 'mirror.separate': true, ...mine })
    expect(own).toContain('secretName: mine')
    expect(own).not.toContain('kind: Secret')
  })

  it('lets several controllers choose a leader, with rights to one Lease and to what they keep in a mirror', async () => {
    const text = await renderChart({ controllerReplicaCount: 2 })
    expect(text).toContain('replicas: 2')
    expect(text).toContain('type: RollingUpdate')
    expect(text).toContain('--leader-elect-resource-name=kube-fledged-controller\n')
    expect(text).toContain('resourceNames: [kube-fledged-controller]')
    for (const words of ['fieldPath: status.podIP', 'podAntiAffinity', 'kind: PodDisruptionBudget']) {
      expect(text).toContain(words)
    }
    const without = { 'webhookServer.enable': false }
    const one = await renderChart(without)
    for (const words of ['leases', 'podIP', 'podAntiAffinity', 'kind: PodDisruptionBudget', 'RollingUpdate']) {
      expect(one).not.toContain(words)
    }
    const bare = { ...without, controllerReplicaCount: 2, 'podDisruptionBudget.enabled': false }
    expect(await renderChart(bare)).not.toContain('Budget')
  })

  it('keeps all in a bucket without a volume, with two mirrors for several controllers', async () => {
    const bucket = { 'store.s3.location': 's3://images/north', 'webhookServer.enable': false }
    const alone = await renderChart({ ...bucket, 'store.s3.credentialsSecret': 'mine' })
    expect(deploymentIn(alone, 'kube-fledged-controller')).toMatch(
      /--data=s3:\/\/images\/north\n[^]*secretRef: \{ name: mine \}/,
    )
    for (const words of [
      'PersistentVolumeClaim',
      'persistentVolumeClaim',
      'volumeMounts: null',
      '/var/lib/stowage\n',
    ]) {
      expect(alone).not.toContain(words)
    }
    const annotations = { 'example.com/role': 'reader' }
    const several = await renderChart({
      ...bucket,
      controllerReplicaCount: 2,
      'store.s3.serviceAccountAnnotations': annotations,
    })
    const mirror = deploymentIn(several, 'kube-fledged-mirror')
    for (const words of ['replicas: 2', 'type: RollingUpdate', '--data=s3://images/north\n', 'podAntiAffinity']) {
      expect(mirror).toContain(words)
    }
    const accounts = several.split('\n---\n').filter((part) => part.includes('\nkind: ServiceAccount\n'))
    const annotated = accounts.filter((part) => part.includes('example.com/role: reader'))
    expect(annotated.map((part) => /^ {2}name: (.*)$/m.exec(part)?.[1])).toEqual(['kube-fledged-mirror'])
    expect(deploymentIn(several, 'kube-fledged-controller')).not.toContain('s3://')
  })

  it.each([
    ['the controller', {}, 'kube-fledged-controller', []],
    ['a mirror of its own', { 'mirror.separate': true }, 'kube-fledged-mirror', ['kube-fledged-controller']],
  ])('has %s look after the store as it is told, and take orders', async (_, values, keeper, others) => {
    const gc = { 'store.gc': { every: '1h', grace: '2h', untagged: '0s' } }
    const scrub = { 'store.scrub': { rate: 20_971_520, every: '168h' } }
    const text = await renderChart({ ...values, ...gc, ...scrub, 'store.operatorTokenSecret': 'mine' })
    const flags = ['--gc-every=1h', '--gc-grace=2h', '--gc-untagged=0s', '--scrub-rate=20971520', '--scrub-every=168h']
    const token = [
      '--operator-token-file=/var/run/secrets/stowage/operator/token',
      'mountPath: /var/run/secrets/stowage/operator\n              readOnly: true',
      'secret: { secretName: mine, items: [{ key: token, path: token }], defaultMode: 0440 }',
    ]
    for (const words of [...flags, ...token]) expect(deploymentIn(text, keeper)).toContain(words)
    for (const other of others) expect(deploymentIn(text, other)).not.toMatch(/--(?:gc|scrub|operator)-|operator-token/)
    expect(deploymentIn(await renderChart(values), keeper)).not.toMatch(/--(?:gc|scrub|operator)-|operator-token/)
  })

  // YAML takes the plain word for false.
  it.each([['off'], [false]])('lets nothing be collected or scrubbed by itself: %o', async (off) => {
    const text = await renderChart({ 'store.gc.every': off, 'store.scrub.rate': off })
    for (const words of ['--gc-every=off\n', '--scrub-rate=off\n']) expect(text).toContain(words)
  })
})
