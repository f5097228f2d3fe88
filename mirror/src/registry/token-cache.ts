import { fetchToken, type Token, type TokenRequest } from './token.ts'
import type { Transport } from './transport.ts'

/** Tokens that are fetched once, shared by all who ask at the same time, and kept until shortly before they expire. */
export interface TokenCache {
  get(request: TokenRequest, signal?: AbortSignal): Promise<string>
  /** Forgets a token that was refused. */
  forget(token: string): void
}

export interface TokenCacheOptions {
  readonly transport: Transport
  /** Milliseconds of a clock that never goes back; expiry is counted from the arrival of a token, whatever it says of its issue. */
  readonly now?: (() => number) | undefined
}

interface Kept {
  readonly token: Promise<Token>
  /** Known when the token has come. */
  arrived?: { readonly value: string; readonly until: number }
}

export function createTokenCache({ transport, now = () => performance.now() }: TokenCacheOptions): TokenCache {
  const kept = new Map<string, Kept>()

  function fetch(key: string, request: TokenRequest): Kept {
    // Not under the signal of whoever asked first: others wait for the same token.
    const entry: Kept = { token: fetchToken(transport, request) }
    kept.set(key, entry)
    entry.token.then(
      ({ value, lifetimeMs }) => void (entry.arrived = { value, until: now() + lifetimeMs - marginOf(lifetimeMs) }),
      () => kept.get(key) === entry && kept.delete(key),
    )
    return entry
  }

  return {
    async get(request, signal) {
      const key = keyOf(request)
      const known = kept.get(key)
      const isFresh = known && (!known.arrived || known.arrived.until > now())
      const { value } = await abortable((isFresh ? known : fetch(key, request)).token, signal)
      return value
    },
    forget(token) {
      for (const [key, { arrived }] of kept) if (arrived?.value === token) kept.delete(key)
    },
  }
}

function keyOf({ realm, service, scope, credential }: TokenRequest): string {
  const { username, password, identityToken } = credential ?? {}
  return JSON.stringify([realm.href, service, scope, username, password, identityToken])
}

/** Time for the request that carries the token. */
function marginOf(lifetimeMs: number): number {
  return Math.min(10_000, lifetimeMs / 4)
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
