import { controllerMetrics } from '@stowage/controller/metrics/controller-metrics'
import { sample, type Sample } from '@stowage/mirror/metrics/meter'
import type { CentreStore } from '../centre-store.ts'
import type { WorkingCentre } from '../open-centre.ts'
import { storeSamples } from './store-samples.ts'

/** What a process tells that is a centre, or stands by to become one. */
export async function centreSamples(
  centre: WorkingCentre | undefined,
  { directory }: Pick<CentreStore, 'directory'>,
): Promise<Sample[]> {
  return [
    sample(controllerMetrics.leader, {}, centre ? 1 : 0),
    ...(centre?.samples() ?? []),
    ...(directory === undefined ? [] : await storeSamples(directory)),
  ]
}
