import { isFault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'
import type { CelRule } from './cel-rule.ts'

export interface TextMeta {
  /** What a cluster checks by itself. */
  readonly pattern: string
  readonly maxLength?: number
  readonly 'x-kubernetes-validations'?: readonly CelRule[]
}

/** Text that `parse` accepts; what the parser says of other text becomes the message. */
export function textSchema(parse: (text: string) => unknown, meta: TextMeta): z.ZodString {
  const schema = z.string().superRefine((text, context) => {
    try {
      parse(text)
    } catch (error) {
      if (!isFault(error)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  })
  return schema.meta({ ...meta })
}
