import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { answerReview, answerUnchanged, type ReviewAnswer } from './admission-review.ts'
import type { JudgeOptions } from './judge-image-cache.ts'

export interface WebhookRoutesOptions extends JudgeOptions {
  readonly log: Logger
}

/** The paths of kube-fledged's webhook server. */
export const validatePath = '/validate-image-cache'
const mutatePath = '/mutate-image-cache'

/** Two versions of the largest object that an API server takes (3 MiB), and what is around them. */
const largestReview = 8 * 1024 * 1024

/** What an API server asks about ImageCaches, and who looks whether this server is there. */
export async function webhookRoutes(app: FastifyInstance, { strict, log }: WebhookRoutesOptions): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string', bodyLimit: largestReview }, (_, body, done) =>
    done(null, body),
  )
  app.get('/readyz', () => 'ok')
  app.get('/healthz', () => 'ok')
  app.post(validatePath, { bodyLimit: largestReview }, (request, reply) => {
    const answer = answerReview(bodyOf(request), { strict })
    if (answer.status === 200 && answer.refused !== undefined) log.info({ why: answer.refused }, 'write refused')
    if (answer.status !== 200) log.warn({ why: answer.body }, 'review not understood')
    return send(reply, answer)
  })
  app.post(mutatePath, { bodyLimit: largestReview }, (request, reply) => send(reply, answerUnchanged(bodyOf(request))))
}

/** Nothing is parsed of a request without a body. */
function bodyOf({ body }: { readonly body: unknown }): string {
  return typeof body === 'string' ? body : ''
}

function send(reply: FastifyReply, { status, body }: ReviewAnswer): FastifyReply {
  return reply.code(status).send(body)
}
