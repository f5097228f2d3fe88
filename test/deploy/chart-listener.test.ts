import { parseAccessRules } from '@stowage/mirror/server/access/access-rules'
import { expect, it } from 'vitest'
import { chartNotes, renderChart } from '../harness/helm.ts'
import { requirePart } from '../harness/require-part.ts'
import { deploymentIn } from './deployment-in.ts'

requirePart('helm')('the chart, as to who may come in', () => {
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
})
