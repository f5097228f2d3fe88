import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { algorithmOf, createDigester } from '@stowage/mirror/oci/digest'

/**
 * Makes sure that a server answers with the bytes that are to be measured.
 * @throws Error
 */
export async function checkAnswer(
  url: string,
  expected: Descriptor,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const answer = await fetch(url, { headers })
  const digester = createDigester(algorithmOf(expected.digest))
  let size = 0
  for await (const chunk of answer.body ?? []) {
    digester.update(chunk)
    size += chunk.length
  }
  if (answer.status === 200 && digester.digest() === expected.digest) return
  throw new Error(`${url} answers ${answer.status} with ${size} bytes that are not ${expected.digest}`)
}
