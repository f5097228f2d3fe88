import { expect } from 'vitest'
import { oneTimePod } from '../harness/cluster/one-time-pod.ts'
import type { Cluster } from '../harness/cluster/start-cluster.ts'

const policies = ['IfNotPresent', 'Never'] as const

/** Starts pods from images that are there, with no registry in reach. @param images by what a container of each prints */
export async function podsStart(cluster: Cluster, images: Readonly<Record<string, string>>): Promise<void> {
  const pods = Object.entries(images).flatMap(([text, image], at) =>
    policies.map((policy) => ({ name: `pod-${at}-${policy.toLowerCase()}`, text, image, policy })),
  )
  await cluster.apply(...pods.map(({ name, image, policy }) => oneTimePod(name, image, policy)))
  for (const { name, text } of pods) {
    await cluster.kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/${name}`, '--timeout=60s')
    expect(await cluster.kubectl('logs', name)).toBe(text)
  }
  // Of Stowage's own pods, too.
  const events = await cluster.kubectl('get', 'events', '--all-namespaces', '--output=jsonpath={.items[*].message}')
  for (const image of Object.values(images)) {
    expect(events).toContain(`Container image "${image}" already present on machine`)
  }
  expect(events).not.toContain('Pulling image')
}
