import { parseDocument } from 'yaml'
import type * as z from 'zod'
import { Fault } from './oci/fault.ts'

/**
 * Reads what an operator wrote, as YAML or JSON, and checks it.
 * @throws Fault invalid, naming each field that is wrong
 */
export function parseSettings<T>(text: string, schema: z.ZodType<T>): T {
  const yaml = parseDocument(text)
  const [error] = yaml.errors
  if (error) throw new Fault('invalid', `not YAML: ${error.message.split('\n', 1)[0]}`)
  const parsed = schema.safeParse(yaml.toJS({ maxAliasCount: 100 }), { error: plainly })
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues.map((issue) => `${fieldOf(issue.path)}: ${issue.message}`)
  throw new Fault('invalid', wrong.join('; '))
}

/** In the words of who writes YAML; undefined where those of the library do. */
function plainly(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') return `"${issue.keys.join('", "')}" is not known there`
  return issue.code === 'invalid_type' && (issue.input ?? undefined) === undefined ? 'it is missing' : undefined
}

function fieldOf(path: readonly PropertyKey[]): string {
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return field === '' ? 'the document' : field.replace(/^\./, '')
}
