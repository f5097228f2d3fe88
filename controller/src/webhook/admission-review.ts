import * as z from 'zod'
import { whyRefused, type JudgeOptions } from './judge-image-cache.ts'

/** `AdmissionReview` (admission.k8s.io), as far as it is read. */
const reviewSchema = z.object({
  request: z.object({
    uid: z.string(),
    kind: z.object({ group: z.string(), kind: z.string() }),
    operation: z.string(),
    object: z.unknown().nullish(),
    oldObject: z.unknown().nullish(),
  }),
})
const kindSchema = z.object({ apiVersion: z.string().optional(), kind: z.string().optional() })

/** The versions that are answered, each in itself. */
const versions = ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1']

/** What is sent back; a text is for who sent what nobody can answer. */
export type ReviewAnswer =
  | { readonly status: 200; readonly body: object; readonly refused: string | undefined }
  | { readonly status: 400; readonly body: string }

/** Judges what an API server asks about. Of other kinds than ImageCache nothing is known that would speak against them. */
export function answerReview(body: string, options: JudgeOptions): ReviewAnswer {
  return answer(body, ({ kind: { group, kind }, operation, object, oldObject }) => {
    if (group !== 'kubefledged.io' || kind !== 'ImageCache') return undefined
    if (operation !== 'CREATE' && operation !== 'UPDATE') return undefined
    return whyRefused({ object, oldObject: oldObject ?? undefined }, options)
  })
}

/** Changes nothing and refuses nothing, as kube-fledged. */
export function answerUnchanged(body: string): ReviewAnswer {
  return answer(body, () => undefined)
}

type Request = z.infer<typeof reviewSchema>['request']

function answer(body: string, judge: (request: Request) => string | undefined): ReviewAnswer {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (error) {
    return undecodable((error as Error).message)
  }
  const { apiVersion = '', kind = '' } = kindSchema.safeParse(json).data ?? {}
  if (kind !== 'AdmissionReview' || !versions.includes(apiVersion)) {
    const text = `Unsupported group version kind: ${apiVersion}, Kind=${kind}`
    return { status: 400, body: text.slice(0, 300) }
  }
  const read = reviewSchema.safeParse(json)
  if (!read.success) return undecodable(z.prettifyError(read.error))
  const { request } = read.data
  const refused = judge(request)
  const verdict = refused === undefined ? { allowed: true } : { allowed: false, status: { message: refused } }
  return { status: 200, body: { apiVersion, kind, response: { uid: request.uid, ...verdict } }, refused }
}

function undecodable(why: string): ReviewAnswer {
  return { status: 400, body: `Request could not be decoded: ${why}` }
}
