import { parseDuration } from '@stowage/mirror/duration'
import { isFault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'

/** A duration as metav1.Duration has it in JSON, in milliseconds. None is negative. */
export const goDuration = z.string().transform((value, context) => {
  try {
    return parseDuration(value)
  } catch (error) {
    if (!isFault(error)) throw error
    context.addIssue({ code: 'custom', message: error.message })
    return z.NEVER
  }
})
