import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { fieldProblem, fieldProblems, type FieldProblem } from '../api/field-problem.ts'
import { imageCacheSchema } from '../api/image-cache.ts'

/** An object as somebody wants it to be. */
export interface ObjectWrite {
  readonly object: unknown
  /** As it was; undefined when it is to be created. */
  readonly oldObject: unknown
}

export interface JudgeOptions {
  /** Also what kube-fledged refused and Stowage can carry out: empty lists, other lists, other selectors. */
  readonly strict: boolean
}

const shapeSchema = z.looseObject({
  spec: z.looseObject({
    cacheSpec: z.array(
      z.looseObject({ images: z.array(z.string()), nodeSelector: z.record(z.string(), z.string()).nullish() }),
    ),
  }),
})
type Shape = z.infer<typeof shapeSchema>
type List = Shape['spec']['cacheSpec'][number]

/** More of them help nobody. */
const mostProblems = 10

/**
 * Why an ImageCache must not be written, in kube-fledged's words where it has some; undefined if it may be. A write that leaves the
 * spec as it is may always be: so status and annotations can be written to whatever is there.
 */
export function whyRefused({ object, oldObject }: ObjectWrite, { strict }: JudgeOptions): string | undefined {
  if (oldObject !== undefined && isDeepStrictEqual(specOf(oldObject), specOf(object))) return undefined
  const read = shapeSchema.safeParse(object)
  if (!read.success) return textOf(fieldProblems(read.error))
  const old = shapeSchema.safeParse(oldObject).data
  const { cacheSpec } = read.data.spec
  return (
    cacheSpec.map((list) => whyListRefused(list, strict)).find((text) => text !== undefined) ??
    (strict && old ? whyChangeRefused(cacheSpec, old.spec.cacheSpec) : undefined) ??
    whySpecRefused(object)
  )
}

/** Whatever it is: an older definition may have let in what is none. */
function specOf(object: unknown): unknown {
  return z.looseObject({ spec: z.unknown() }).safeParse(object).data?.spec
}

function whyListRefused({ images }: List, strict: boolean): string | undefined {
  if (strict && images.length === 0) return 'No images specified within image list'
  const seen = new Set<string>()
  for (const image of images) {
    if (seen.has(image)) return `Duplicate image names within image list: ${image}`
    seen.add(image)
  }
  return undefined
}

function whyChangeRefused(lists: readonly List[], old: readonly List[]): string | undefined {
  if (lists.length !== old.length) return 'Mismatch in no. of image lists'
  // To kube-fledged no selector and null are the same, an empty one is another.
  const isSame = ({ nodeSelector }: List, index: number): boolean =>
    isDeepStrictEqual(nodeSelector ?? null, old[index]?.nodeSelector ?? null)
  return lists.every(isSame) ? undefined : 'Mismatch in node selector'
}

/** Fields that are not known here are of a newer definition: it is for that one to judge them. */
function whySpecRefused(object: unknown): string | undefined {
  const read = imageCacheSchema.safeParse(object)
  if (read.success) return undefined
  const issues = read.error.issues.filter(({ code, path }) => code !== 'unrecognized_keys' && path[0] === 'spec')
  return issues.length === 0 ? undefined : textOf(fieldProblems(new z.ZodError(issues)))
}

function textOf(problems: readonly FieldProblem[]): string {
  const more = problems.length - mostProblems
  const told = more > 0 ? [...problems.slice(0, mostProblems), fieldProblem([], `${more} more`)] : problems
  return told.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; ')
}
