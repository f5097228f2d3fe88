import { Fault } from '../oci/fault.ts'
import { isInsecure, isLoopbackHost } from './endpoint.ts'

export interface LedUploadOptions {
  /** Where the registry is. */
  readonly endpoint: URL
  readonly insecureRegistries: readonly string[]
}

/**
 * Where an upload goes on that a registry leads to a URL. One that is spoken to over TLS gets nothing in the clear: a registry behind
 * a proxy for TLS may not know what it is called from outside, and is meant itself; other hosts are refused.
 * @throws Fault invalid
 */
export function ledUpload(target: URL, { endpoint, insecureRegistries }: LedUploadOptions): URL {
  if (endpoint.protocol === 'http:' || target.protocol === 'https:' || isInsecure(target, insecureRegistries))
    return target
  const isSameHost = target.hostname === endpoint.hostname && ['', endpoint.port].includes(target.port)
  if (isSameHost) return new URL(`${target.pathname}${target.search}`, endpoint)
  if (isLoopbackHost(target.hostname)) return target
  const message = `${endpoint.host}: it leads an upload from https to plain http (${target.host}); if that is meant, list that host as an insecure registry`
  throw new Fault('invalid', message)
}
