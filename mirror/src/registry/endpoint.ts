import { Fault } from '../oci/fault.ts'
import { canonicalHost } from './match-credentials.ts'

/** Where the API of Docker Hub is; references say `docker.io`. */
const dockerHubApi = 'registry-1.docker.io'

/**
 * The base URLs at which a registry is looked for, best first. `registry` is a host as references write it, or a base URL
 * (`http://centre:5080`) that is taken as it is. A loopback host is spoken to in plain HTTP, where certificates are trusted besides
 * those of the system (`ca`) over TLS first; a host that is listed as insecure first over TLS with any certificate, then in plain
 * HTTP, as Docker does (on loopback too); all others over TLS only.
 * @throws Fault invalid
 */
export function endpointsOf(registry: string, insecureRegistries: readonly string[] = [], ca?: string): URL[] {
  if (/^https?:\/\//i.test(registry)) return [parseBase(registry)]
  const host = canonicalHost(registry)
  const api = host === 'docker.io' ? dockerHubApi : host
  const https = parseBase(`https://${api}`)
  const http = parseBase(`http://${api}`)
  if (isInsecure(https, insecureRegistries) || isInsecure(http, insecureRegistries)) return [https, http]
  if (!isLoopbackHost(https.hostname)) return [https]
  return ca === undefined ? [http] : [https, http]
}

/** Whether the certificate of this URL's host need not be checked: it is listed as `HOST` or `HOST:PORT`. */
export function isInsecure(url: URL, insecureRegistries: readonly string[]): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return insecureRegistries
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry === url.hostname || entry === url.host || entry === `${url.hostname}:${port}`)
}

/** Whether a host, as a URL has it, is this machine: 127.0.0.0/8, ::1 or `localhost`. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || hostname === '::1' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
  )
}

function parseBase(text: string): URL {
  const url = URL.parse(text)
  if (!url || url.username || url.password || url.search || url.hash) {
    throw new Fault(
      'invalid',
      `"${text.replace(/\/\/[^/]*@/, '//').replace(/[?#].*/, '')}" is not the address of a registry; write HOST, HOST:PORT or a URL`,
    )
  }
  return url
}
