import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseAccessRules } from '@stowage/mirror/server/access/access-rules'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chartNotes, installChart, lintChart, renderChart } from '../harness/helm.ts'
import { startKubeApi, type KubeApi } from '../harness/kube/start-kube-api.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'
import { installations } from './installations.ts'

requirePart('helm')('the chart', () => {
  it('is without fault for helm', async () => {
    expect(await lintChart()).toContain('1 chart(s) linted, 0 chart(s) failed')
  })

  it('gives objects the names and labels that scripts for kube-fledged use', async () => {
    const text = await renderChart()
    expect(text).toContain('name: kube-fledged-controller')
    expect(text).toContain('kubefledged: kubefledged-controller')
  })

  it('says which values of kube-fledged it did not read', async () => {
    const notes = await chartNotes(installations['with values of kube-fledged'])
    expect(notes).toContain('\n  image.busyboxImageVersion\n')
    expect(notes).toContain('\n  webhookService.targetPort\n')
    expect(notes).not.toContain('webhookServer.enable')
    expect(notes).not.toContain('args.controllerImageCacheRefreshFrequency')
    expect(await chartNotes({})).not.toContain('of kube-fledged and were not read')
  })

  it.each([
    [{ controllerReplicaCount: 0 }, 'is no number of controllers'],
    [{ 'agent.distribution': 'docker' }, 'is none of containerd, k3s, rke2'],
    [{ 'args.controllerLogLevel': 'LOUD' }, 'is none of DEBUG'],
    [
      { 'imageCredentialProviders.config': { kind: 'CredentialProviderConfig' } },
      'config and binaries need each other',
    ],
    [{ 'mirror.separate': true, 'mirror.replicaCount': 2 }, 'can share a bucket (store.s3.location), but no volume'],
    [{ 'store.s3.location': 's3://a/b', 'store.hostPath': '/srv' }, 'either s3.location, or a volume'],
    [{ 'access.htpasswdSecret': 'users' }, 'agents show no credentials yet'],
    [{ 'access.rules': [{}], 'access.anonymousPull': true }, 'instead of anonymousPull'],
    [{ controllerReplicaCount: 2, 'access.maxConnectionsPerAddress': 9 }, 'must name the network of pods'],
  ])('refuses %o', async (values, words) => {
    await expect(renderChart(values)).rejects.toThrow(words)
  })

  it.each([
    ['containerd', '/run/containerd/containerd.sock', '/var/lib/containerd'],
    ['k3s', '/run/k3s/containerd/containerd.sock', '/var/lib/rancher/k3s/agent/containerd'],
    ['rke2', '/run/k3s/containerd/containerd.sock', '/var/lib/rancher/rke2/agent/containerd'],
  ])('knows where %s has its containerd', async (distribution, socket, root) => {
    const text = await renderChart({ 'agent.distribution': distribution })
    expect(text).toContain(`--runtime=containerd:${socket}\n`)
    expect(text).toContain(`hostPath: { path: ${path.dirname(socket)}, type: Directory }`)
    expect(text).toContain(`mountPath: ${root}\n`)
  })

  it.each(['disk: large', 'key: dedicated', 'key: disk', 'runAsUser: 1000', 'level: s0:c1,c2', 'cpu: "2"'])(
    'gives the pod of the controller what is wanted of it: %s',
    async (words) => {
      const parts = (await renderChart(installations['with everything that is off by default'])).split('\n---\n')
      const [controller] = parts.filter((part) => /^kind: Deployment\n[^]*^ {2}name: \S+-controller$/m.test(part))
      expect(controller).toContain(words)
    },
  )

  it('asks for no Secret but in the namespaces that are named', async () => {
    const without = { 'webhookServer.enable': false }
    expect(await renderChart(without)).not.toContain('secrets')
    const roles = (await renderChart({ ...without, pullSecretNamespaces: ['a'] }))
      .split('\n---\n')
      .filter((part) => part.includes('[secrets]'))
    expect(roles.map((role) => /^kind: (\w+)\n[^]*^ {2}namespace: (\w+)$/m.exec(role)?.slice(1))).toEqual([
      ['Role', 'a'],
    ])
  })

  it('gives the volume to the mirror if that has a pod of its own, and a token to both, which no file holds', async () => {
    const parts = (await renderChart({ 'mirror.separate': true })).split('\n---\n')
    const deployment = (name: string): string =>
      parts.find((part) => part.includes('kind: Deployment') && part.includes(`name: ${name}\n`)) ?? ''
    const [controller, mirror] = [deployment('kube-fledged-controller'), deployment('kube-fledged-mirror')]
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

  const deploymentIn = (text: string, name: string): string =>
    text.split('\n---\n').find((part) => part.includes('kind: Deployment') && part.includes(`name: ${name}\n`)) ?? ''

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

  it('speaks TLS with everybody, and shows agents no more of the Secret than its authority', async () => {
    const text = await renderChart({ controllerReplicaCount: 2, 'tls.secret': 'mine' })
    for (const name of ['kube-fledged-controller', 'kube-fledged-mirror']) {
      const part = deploymentIn(text, name)
      for (const words of ['--tls-cert-file=/etc/stowage/tls/tls.crt\n', 'path: /readyz, port: http, scheme: HTTPS']) {
        expect(part).toContain(words)
      }
    }
    expect(text).toContain('--mirror=https://kube-fledged-mirror.kube-fledged.svc:5080\n')
    const agent = text.split('\n---\n').find((part) => part.includes('kind: DaemonSet')) ?? ''
    expect(agent).toContain('--central=https://kube-fledged-controller.kube-fledged.svc:5080\n')
    expect(agent).toContain('secret: { secretName: mine, items: [{ key: ca.crt, path: ca.crt }] }')
    expect(agent.match(/secretName/g)).toHaveLength(1)
  })

  it('gives controllers and mirror the same users and rules, and a key for their tokens that no file holds', async () => {
    const rules = [{ repositories: ['**'], who: 'anyone', may: ['pull'] }]
    const access = { 'access.tokensSecret': 'robots', 'access.rules': rules, 'mirror.separate': true }
    const text = await renderChart({ ...access, 'webhookServer.enable': false })
    for (const name of ['kube-fledged-controller', 'kube-fledged-mirror']) {
      const part = deploymentIn(text, name)
      for (const words of [
        '--token-file=/etc/stowage/access/tokens',
        '--access-file=/etc/stowage/access/access.yaml',
        '- secret: { name: robots, items: [{ key: tokens, path: tokens }] }',
        '- secret: { name: kube-fledged-controller-token-key, items: [{ key: key, path: token-key }] }',
      ]) {
        expect(part).toContain(words)
      }
    }
    expect(text).toMatch(/access\.yaml: \|\n {4}rules:\n {6}- may:\n/)
    const configMap = text.split('\n---\n').find((part) => part.includes('access.yaml: |')) ?? ''
    const [, document = ''] = /access\.yaml: \|\n([^]*)/.exec(configMap) ?? []
    const [everything, sets] = parseAccessRules(document.replaceAll(/^ {4}/gm, ''))
    expect(everything?.covers('a')).toBe(true)
    // Rules that name repositories must not keep agents from what they are to have.
    expect(sets).toMatchObject({ who: 'anyone', may: new Set(['pull']) })
    expect(['stowage/sets', 'a'].map((repository) => sets?.covers(repository))).toEqual([true, false])
    expect(await renderChart({ ...access, 'access.tokenKeySecret': 'mine' })).not.toContain('controller-token-key')
  })

  it.each([
    [{ 'access.maxBlobSize': 21_474_836_480 }, '--max-blob-size=21474836480\n'],
    [{ 'access.maxBlobSize': '20Gi' }, '--max-blob-size=20Gi\n'],
    [{ 'access.rateLimit': 0.5 }, '--rate-limit=0.5\n'],
    [{ 'access.rateLimit': 50 }, '--rate-limit=50\n'],
  ])('writes numbers as they are taken: %o', async (values, words) => {
    expect(await renderChart(values)).toContain(words)
  })

  it('lets controllers pass on what they are asked without believing every pod', async () => {
    const limits = { 'access.maxConnectionsPerAddress': 9, 'access.unlimitedNetworks': ['10.244.0.0/16'] }
    const text = await renderChart({ controllerReplicaCount: 2, ...limits })
    const part = deploymentIn(text, 'kube-fledged-controller')
    expect(part).toContain('--unlimited-network=10.244.0.0/16\n')
    expect(part).not.toContain('--trusted-proxy')
  })

  it('says what is open', async () => {
    expect(await chartNotes({})).toContain('read and change everything in the registry: no value of `access` is set.')
    const notes = await chartNotes({ 'access.anonymousPull': true })
    expect(notes).toContain('may speak for any node and order what operators order.')
    expect(notes).not.toContain('change everything')
    expect(notes).not.toContain('fetched with credentials')
    expect(await chartNotes({ pullSecretNamespaces: ['a'] })).toContain(
      'gets images that were fetched with credentials',
    )
  })

  it('serves metrics only where that is wanted, and to whom', async () => {
    expect(await renderChart()).not.toContain('metrics')
    const parts = (await renderChart({ 'metrics.enabled': true, 'mirror.separate': true })).split('\n---\n')
    const serving = parts.filter((part) => part.includes('--metrics-listen=:9090\n'))
    expect(serving.map((part) => /kind: Deployment\n[^]*?name: (\S+)/.exec(part)?.[1])).toEqual([
      'kube-fledged-controller',
      'kube-fledged-mirror',
    ])
    expect(parts.filter((part) => part.includes('port: metrics'))).toEqual([])
    const monitoring = { 'metrics.allowedFrom': [{ namespaceSelector: {} }], 'metrics.podMonitor.enabled': true }
    const open = (await renderChart({ 'metrics.enabled': true, ...monitoring })).split('\n---\n')
    const ofMetrics = open.filter((part) => part.includes('port: metrics'))
    expect(ofMetrics.map((part) => /^kind: (\w+)$/m.exec(part)?.[1])).toEqual(['NetworkPolicy', 'PodMonitor'])
  })

  it('lets the webhook see one Secret and the configurations that are its own or were left, and no other', async () => {
    const parts = (await renderChart()).split('\n---\n').filter((part) => /^kind: (?:Cluster)?Role$/m.test(part))
    const [cluster, own] = parts.filter((part) => part.includes('name: kube-fledged-webhook-server\n'))
    expect(cluster?.match(/resourceNames: .*/g)).toEqual([
      'resourceNames: ["kube-fledged-webhook-server","kubefledged-webhook-server","kube-fledged-webhook-configuration"]',
      'resourceNames: ["kubefledged-webhook-server","kube-fledged-webhook-configuration"]',
      'resourceNames: [kubefledged-webhook-server, kube-fledged-webhook-server]',
    ])
    expect(cluster?.match(/ - apiGroups/g)).toHaveLength(3)
    expect(own).toContain('resourceNames: [kube-fledged-webhook-server-certificates]')
  })

  it('asks the webhook in vain without harm, unless it is to be strict', async () => {
    expect(await renderChart()).toContain('failurePolicy: Ignore')
    const strict = await renderChart({ 'webhookServer.strict': true })
    expect(strict).toContain('failurePolicy: Fail')
    expect(strict).toContain('- --strict\n')
  })

  it('lets a webhook go before the next one comes where both need the same port of a node', async () => {
    const strategyOf = async (values: object): Promise<string | undefined> => {
      const parts = (await renderChart({ webhookServerReplicaCount: 1, ...values })).split('\n---\n')
      const made = parts.find((part) => part.includes('kind: Deployment\n') && part.includes('name: webhook-server\n'))
      return /strategy:\n +rollingUpdate: (.*)/.exec(made ?? '')?.[1]
    }
    expect(await strategyOf({ 'webhookServer.hostNetwork': true })).toBe('{ maxUnavailable: 1 }')
    expect(await strategyOf({})).toBeUndefined()
  })

  it('says nothing of what is in the Secret of the webhook, and makes none beside a certificate of somebody', async () => {
    const [made] = (await renderChart()).split('\n---\n').filter((part) => part.includes('\nkind: Secret\n'))
    expect(made).not.toMatch(/^(?:data|stringData):/m)
    const own = { 'webhookServer.certificateSecret': 'mine', validatingWebhookCABundle: 'Zm9v' }
    const text = await renderChart(own)
    expect(text).not.toContain('kind: Secret')
    for (const words of ['secretName: mine', '--cert-file=', 'caBundle: Zm9v']) expect(text).toContain(words)
  })

  requirePart('kube-api')('before a real API server', () => {
    let directory: string
    let kube: KubeApi
    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'stowage-chart-'))
      kube = await startKubeApi({ directory })
      await kube.kubectl('apply', '--server-side', '--filename', path.join(projectDirectory, 'deploy/crds'))
      await kube.kubectl('create', 'namespace', 'kube-fledged')
    })
    afterAll(async () => {
      await kube.stop()
      await rm(directory, { recursive: true, force: true })
    })

    it('keeps the token of a mirror over an upgrade', async () => {
      const { kubeconfig } = kube.files
      const where = { kubeconfig, namespace: 'upgraded' }
      const token = (): Promise<string> =>
        kube.kubectl('get', 'secret', 'kube-fledged-mirror-token', '-n', 'upgraded', '-o', 'jsonpath={.data.token}')
      await installChart({ ...where, values: { 'mirror.separate': true } })
      const first = await token()
      expect(Buffer.from(first, 'base64').toString()).toMatch(/^[a-zA-Z0-9]{48}$/)
      await installChart({ ...where, values: { 'mirror.separate': true, 'args.controllerLogLevel': 'DEBUG' } })
      expect(await token()).toBe(first)
    })

    describe.each(Object.entries(installations))('%s', (_, values) => {
      it('has no field that is unknown, missing or wrong', async () => {
        const file = path.join(directory, 'chart.yaml')
        await writeFile(file, await renderChart(values))
        const printed = await kube.kubectl('apply', '--dry-run=server', '--validate=strict', '--filename', file)
        expect(printed).toContain('deployment.apps/kube-fledged-controller created')
        expect(printed).toContain('deployment.apps/kube-fledged-webhook-server created')
        expect(printed).toContain('daemonset.apps/kube-fledged-agent created')
      })
    })
  })
})
