import { isFault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'
import type { KubeApi } from './kube-api.ts'

const reviewSchema = z.object({ status: z.object({ userInfo: z.object({ username: z.string() }) }) })

/** Who the API server takes us for (`system:serviceaccount:NAMESPACE:NAME`); undefined if it does not say. */
export async function whoAmI(api: KubeApi, signal: AbortSignal): Promise<string | undefined> {
  const apiVersion = 'authentication.k8s.io/v1'
  const body = { apiVersion, kind: 'SelfSubjectReview' }
  try {
    const answer = await api.request({ method: 'POST', path: `/apis/${apiVersion}/selfsubjectreviews`, body, signal })
    return reviewSchema.parse(answer).status.userInfo.username
  } catch (error) {
    if (signal.aborted || isFault(error) || error instanceof z.ZodError) return undefined
    throw error
  }
}
