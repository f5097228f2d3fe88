import { expect, it } from 'vitest'
import { renderChart } from '../harness/helm.ts'
import { requirePart } from '../harness/require-part.ts'

requirePart('helm')('the chart, as to the webhook', () => {
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
})
