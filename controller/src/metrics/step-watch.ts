import type { Meter } from '@stowage/mirror/metrics/meter'
import { controllerMetrics } from './controller-metrics.ts'

/** Knows how the steps of the centre go. */
export interface StepWatch {
  /** When one succeeded last, epoch milliseconds; undefined before the first one. */
  lastSuccess(): number | undefined
  /** For how long the one that is under way has been, in milliseconds; 0 if none is. */
  runningMs(): number
  watched<T>(step: () => Promise<T>): () => Promise<T>
}

export interface StepWatchOptions {
  readonly meter: Meter
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Milliseconds, from any beginning, never going back. */
  readonly steadyNow: () => number
}

export function createStepWatch({ meter, now, steadyNow }: StepWatchOptions): StepWatch {
  let succeededAt: number | undefined
  let begunAt: number | undefined

  return {
    lastSuccess: () => succeededAt,
    runningMs: () => (begunAt === undefined ? 0 : steadyNow() - begunAt),
    watched: (step) => async () => {
      const startedAt = steadyNow()
      begunAt = startedAt
      let result = 'failed'
      try {
        const done = await step()
        result = 'ok'
        succeededAt = now()
        return done
      } finally {
        begunAt = undefined
        meter.add(controllerMetrics.reconcileSteps, { result })
        meter.observe(controllerMetrics.reconcileDuration, {}, (steadyNow() - startedAt) / 1000)
      }
    },
  }
}
