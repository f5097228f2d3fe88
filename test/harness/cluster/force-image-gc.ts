import { eventually } from '../eventually.ts'
import type { Cluster } from './start-cluster.ts'

/**
 * Lets the kubelet take the disk for full until `isDone`: it then removes, every 10 s, all images that no container uses
 * and that are not pinned. Pods are evicted meanwhile, except those of the priority class `system-node-critical`.
 */
export async function forceImageGc(
  { kubelet }: Pick<Cluster, 'kubelet'>,
  isDone: () => Promise<boolean>,
): Promise<void> {
  await kubelet.restartWith({ isDiskFull: true })
  await eventually(isDone, { what: "what the kubelet's image garbage collection was to do", withinMs: 120_000 })
  await kubelet.restartWith({ isDiskFull: false })
}
