import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Meter } from '../metrics/meter.ts'
import type { PathKind } from './exchange.ts'
import { parsePath } from './parse-path.ts'
import { serverMetrics } from './server-metrics.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Another server answers, and counts it. */
    isPassedOn?: boolean
  }
}

/** Counts all requests of a server. To be called before its routes are made. */
export function measureRequests(app: FastifyInstance, meter: Meter): void {
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request
    if (routeOptions.config.isPassedOn) return
    const route = routeOf(request)
    meter.add(serverMetrics.requests, { route, method, code: String(reply.raw.statusCode) })
    meter.observe(serverMetrics.requestDuration, { route, method }, reply.elapsedTime / 1000)
  })
}

const registryRoutes: Readonly<Record<PathKind, string>> = {
  base: '/v2/',
  catalog: '/v2/_catalog',
  tags: '/v2/:name/tags/list',
  manifest: '/v2/:name/manifests/:reference',
  blob: '/v2/:name/blobs/:digest',
  'upload-start': '/v2/:name/blobs/uploads/',
  'upload-session': '/v2/:name/blobs/uploads/:session',
  referrers: '/v2/:name/referrers/:digest',
}

/** The pattern of a path: what clients make up must not become a label. */
function routeOf({ url, routeOptions }: FastifyRequest): string {
  const pattern = routeOptions.url ?? 'none'
  if (!pattern.startsWith('/v2')) return pattern
  try {
    return registryRoutes[parsePath(url.split('?', 1)[0] ?? '').kind]
  } catch {
    // The answer has told its client why this is no path.
    return pattern
  }
}
