import { globMatches } from '@stowage/mirror/registry/glob'

/**
 * Whether a pattern of `matchImages` is for an image (`HOST[:PORT]/PATH`, no tag), by the kubelet's rules (URLsMatch in
 * pkg/credentialprovider/keyring.go of Kubernetes): equal ports, as many labels in both hosts, a glob for each label, the path
 * a plain prefix, and nothing meant in another case.
 */
export function matchesImage(pattern: string, image: string): boolean {
  const [wanted, given] = [placeOf(pattern), placeOf(image)]
  if (wanted.port !== given.port || wanted.labels.length !== given.labels.length) return false
  if (!given.path.startsWith(wanted.path)) return false
  return wanted.labels.every((glob, index) => globMatches(glob, given.labels[index] ?? ''))
}

/** What is wrong with a pattern; undefined if nothing is. Also refused is what the kubelet takes although it fits no image. */
export function whyNotPattern(pattern: string): string | undefined {
  if (/^https?:/i.test(pattern)) return `"${pattern}" names a scheme: write HOST[:PORT][/PATH]`
  const isPlace = /^(?:\[[a-f0-9:.]+\]|[^/:[\]]+)(?::\d+)?(?:\/.*)?$/i.test(pattern)
  if (isPlace && !/[\s?#%\\@]/.test(pattern)) return undefined
  return `"${pattern}" is not HOST[:PORT][/PATH], with * in the host at most`
}

interface Place {
  readonly labels: readonly string[]
  readonly port: string
  readonly path: string
}

/** As Go's net.SplitHostPort reads the host: what it cannot split has no port. */
function placeOf(text: string): Place {
  const slash = text.indexOf('/')
  const authority = slash < 0 ? text : text.slice(0, slash)
  const [, bracketed, plain, port] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(authority) ?? []
  const host = bracketed ?? plain ?? authority
  return { labels: host.split('.'), port: port ?? '', path: slash < 0 ? '' : text.slice(slash) }
}
