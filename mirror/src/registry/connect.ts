import { Fault, isFault } from '../oci/fault.ts'
import { discard, type Transport } from './transport.ts'

/**
 * Finds the first base URL that answers at all; with one there is nothing to find out.
 * @throws Fault unavailable, with what each of them says
 */
export async function connect(transport: Transport, endpoints: readonly URL[], signal?: AbortSignal): Promise<URL> {
  const [only, ...others] = endpoints
  if (only && others.length === 0) return only
  const faults: Fault[] = []
  for (const endpoint of endpoints) {
    try {
      await discard(await transport.send(apiUrl(endpoint, ''), { signal }))
      return endpoint
    } catch (error) {
      if (!isFault(error)) throw error
      faults.push(error)
    }
  }
  const all = faults.map(({ message }, index) => `${endpoints[index]?.protocol}//${message}`).join('; ')
  throw new Fault('unavailable', all, { cause: faults[0] })
}

/** The URL of a path below `/v2/` (distribution-spec, "Endpoints"). */
export function apiUrl(endpoint: URL, path: string): URL {
  return new URL(`${endpoint.href.replace(/\/$/, '')}/v2/${path}`)
}
