const named =
  /((?:password|passwd|secret|token|authorization|signature|credential|key)["']?\s*[=:]\s*["']?(?:(?:basic|bearer)\s+)?)[^\s"',;&]+/gi
const opaque = /[A-Za-z0-9+/_=.~-]{20,}/g

/**
 * What a program said, fit for a log: without the secrets that are known, without values that are called a secret, and
 * without words that look like one. Nobody can know all of them, so no more of it is shown than a log needs.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length > 0).toSorted((a, b) => b.length - a.length)
  const masked = known.reduce((rest, secret) => rest.replaceAll(secret, '…'), text)
  return masked.replace(named, '$1…').replace(opaque, (word) => (looksSecret(word) ? '…' : word))
}

/** Digits and letters of both cases, which paths and names of images do not have. */
function looksSecret(word: string): boolean {
  return /\d/.test(word) && /[a-z]/.test(word) && /[A-Z]/.test(word)
}
