/** One way to prove oneself that a server offers in `WWW-Authenticate` (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** Names are in lower case; of a repeated one the first holds. */
  readonly parameters: ReadonlyMap<string, string>
  readonly token68?: string | undefined
}

const separators = /[ \t,]*/y
const scheme = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?=[ \t,]|$)[ \t]*/y
const token68 = /([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)/y
const parameterName = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*/y
const quoted = /"((?:[^"\\]|\\.)*)"/y
/** Wider than a token: registries send bare URLs as well. */
const bare = /[^\s,"]+/y

/**
 * Reads the challenges of one or several `WWW-Authenticate` fields in their order (grammar of RFC 9110, 11.2 and 11.6.1:
 * several challenges in one field, several fields, quoted strings). What cannot be read ends that field: never throws.
 */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const fields = typeof header === 'string' ? [header] : (header ?? [])
  return fields.flatMap(parseField)
}

function parseField(field: string): Challenge[] {
  const challenges: Challenge[] = []
  const next = createScanner(field)
  for (;;) {
    next(separators)
    const name = next(scheme)?.[1]
    if (name === undefined) return challenges
    const credential = next(token68)?.[1]
    const parameters = new Map<string, string>()
    challenges.push({ scheme: name.toLowerCase(), parameters, ...(credential ? { token68: credential } : {}) })
    if (credential === undefined && !readParameters(next, parameters)) return challenges
  }
}

/** Says whether reading can go on behind the parameters. */
function readParameters(next: Scanner, parameters: Map<string, string>): boolean {
  for (;;) {
    const name = next(parameterName)?.[1]?.toLowerCase()
    if (name === undefined) return true
    const text = next(quoted)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? next(bare)?.[0]
    if (text === undefined) return false
    if (!parameters.has(name)) parameters.set(name, text)
    next(separators)
  }
}

type Scanner = (sticky: RegExp) => RegExpExecArray | undefined

function createScanner(text: string): Scanner {
  let position = 0
  return (sticky) => {
    sticky.lastIndex = position
    const match = sticky.exec(text)
    if (match) position = sticky.lastIndex
    return match ?? undefined
  }
}
