import { createCipheriv, createHash } from 'node:crypto'
import type { SeededBytes } from './layer-spec.ts'

const zeros = new Uint8Array(256 * 1024)

/** Bytes that look random and do not compress: the key stream of AES-256-CTR under a key made from the seed. */
export function* seededBytes({ size, seed }: SeededBytes): Generator<Uint8Array> {
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), new Uint8Array(16))
  for (let left = size; left > 0; left -= zeros.length) {
    yield cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros)
  }
}
