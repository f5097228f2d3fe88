import type * as z from 'zod'

/** What is wrong with one field of an object. */
export interface FieldProblem {
  readonly path: readonly (string | number)[]
  /** The path as people write it: `spec.cacheSpec[0].images[1]`. */
  readonly field: string
  readonly message: string
}

/** The problems of a failed validation, one for each unknown field. */
export function fieldProblems({ issues }: z.ZodError): FieldProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => fieldProblem([...path, key], 'unknown field'))
    }
    return [fieldProblem(path, issue.message)]
  })
}

export function fieldProblem(path: readonly (string | number)[], message: string): FieldProblem {
  return { path, field: formatPath(path), message }
}

function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    if (!/^[A-Za-z0-9_]+$/.test(part)) return `${text}[${JSON.stringify(part)}]`
    return text === '' ? part : `${text}.${part}`
  }, '')
}
