import { sample, wordSamples, type Sample } from '@stowage/mirror/metrics/meter'
import type { SourceState } from '../sources/wish-source.ts'
import { controllerMetrics as metrics } from './controller-metrics.ts'

const conditions = ['ready', 'held', 'unreadable', 'starting'] as const satisfies readonly SourceState['condition'][]
const severities = ['error', 'note'] as const

/** Whether what is written is in force. */
export function sourceSamples({ condition, problems }: Pick<SourceState, 'condition' | 'problems'>): Sample[] {
  return [
    ...wordSamples(metrics.sourceState, 'state', { words: conditions, word: condition }),
    ...severities.map((severity) =>
      sample(metrics.sourceProblems, { severity }, problems.filter((problem) => problem.severity === severity).length),
    ),
  ]
}
