import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
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
