import { createHash } from 'node:crypto'
import { Fault } from './fault.ts'

declare const brand: unique symbol

/** `algorithm:hex`, always checked by `parseDigest`: safe to put into a path or a URL. */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly [brand]: 'Digest' }

/** The registered algorithms of image-spec, descriptor.md, "Registered algorithms". */
export type DigestAlgorithm = 'sha256' | 'sha512'

const grammar = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/

/**
 * Checks a digest of a registered algorithm (image-spec, descriptor.md).
 * @throws Fault invalid
 */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new Fault('invalid', `"${text.slice(0, 200)}" ${whyNotDigest(text)}`)
  return text
}

/** What is wrong with a text that is none. */
export function whyNotDigest(text: string): string {
  return `is not a sha256 or sha512 digest${isDigest(text.toLowerCase()) ? ': write it in lower case' : ''}`
}

/** Whether a text is a digest of a registered algorithm. */
export function isDigest(text: string): text is Digest {
  return grammar.test(text)
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

/** The part behind the colon. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

/** The digest of bytes at hand. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest
}

/** A digest of bytes that pass by. `digest()` ends it; no `update` may follow. */
export interface Digester {
  update(chunk: Uint8Array): void
  digest(): Digest
}

export function createDigester(algorithm: DigestAlgorithm = 'sha256'): Digester {
  const hash = createHash(algorithm)
  return {
    update: (chunk) => void hash.update(chunk),
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
  }
}

/**
 * Passes bytes on and ends with a fault if they were not the promised ones.
 * The last chunk is held back until the digest is known, so a consumer that sees the end saw the right bytes.
 * @throws Fault corrupt, as soon as there are more bytes than promised or at the end
 */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  expected: { readonly digest: Digest; readonly size: number },
): AsyncGenerator<Uint8Array> {
  const digester = createDigester(algorithmOf(expected.digest))
  let size = 0
  let held: Uint8Array | undefined
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > expected.size) throw mismatch(expected, `more than ${expected.size} bytes came`)
    digester.update(chunk)
    if (held) yield held
    held = chunk
  }
  if (size < expected.size) throw mismatch(expected, `only ${size} of ${expected.size} bytes came`)
  const digest = digester.digest()
  if (digest !== expected.digest) throw mismatch(expected, `the bytes have digest ${digest}`)
  if (held) yield held
}

function mismatch(expected: { readonly digest: Digest }, what: string): Fault {
  return new Fault('corrupt', `${expected.digest}: ${what}`)
}

/**
 * Refuses bytes that are not the promised ones.
 * @throws Fault corrupt
 */
export function checkDigest(bytes: Uint8Array, digest: Digest, what: string): void {
  const actual = digestOf(bytes, algorithmOf(digest))
  if (actual !== digest) throw new Fault('corrupt', `${what}: the bytes have digest ${actual}, promised was ${digest}`)
}
