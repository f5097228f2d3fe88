import * as z from 'zod'
import { expressionRule } from './cel-rule.ts'

const operatorSchema = z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
const hasValues = (operator: z.infer<typeof operatorSchema>): boolean => operator === 'In' || operator === 'NotIn'

const requirementSchema = z
  .strictObject({
    key: z.string().min(1).describe('The label.'),
    operator: operatorSchema.describe('How the label relates to the values.'),
    values: z.array(z.string()).nullish().describe('Needed with In and NotIn, refused with Exists and DoesNotExist.'),
  })
  .superRefine(({ operator, values }, context) => {
    if (hasValues(operator) === (values ?? []).length > 0) return
    const message = hasValues(operator) ? `${operator} needs values` : `${operator} takes no values`
    context.addIssue({ code: 'custom', path: ['values'], message })
  })
  .meta({ 'x-kubernetes-validations': [expressionRule] })

/** `LabelSelector` of Kubernetes (meta/v1). */
export const labelSelectorSchema = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).nullish().describe('Labels with exactly these values.'),
  matchExpressions: z.array(requirementSchema).max(32).nullish().describe('What else is asked of labels, all of it.'),
})

/** One thing that is asked of labels. */
export interface LabelRequirement {
  readonly key: string
  readonly operator: z.infer<typeof operatorSchema>
  readonly values: readonly string[]
}

/** All that a selector asks. */
export function requirementsOf(selector: z.infer<typeof labelSelectorSchema>): LabelRequirement[] {
  const { matchLabels, matchExpressions } = selector
  return [
    ...Object.entries(matchLabels ?? {}).map(([key, value]) => ({ key, operator: 'In' as const, values: [value] })),
    ...(matchExpressions ?? []).map((expression) => ({ ...expression, values: expression.values ?? [] })),
  ]
}

/** Whether labels are as asked. As in Kubernetes, a label that is not there is not in any values. */
export function isMet({ key, operator, values }: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}
