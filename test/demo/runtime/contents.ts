import { Readable } from 'node:stream'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { eventually } from '../../harness/eventually.ts'
import type { WishedImage } from '../demo-source.ts'
import { createContentReader, type ImageContent } from './image-content.ts'

/** What an image consists of; begun at the first question, and done when the centre has all of it. */
export type ContentOf = (image: WishedImage) => Promise<ImageContent>

export interface ContentsOptions {
  /** URL of the centre; it need not answer all the time. */
  readonly centre: string
  readonly signal: AbortSignal
}

const patienceMs = 15 * 60_000

/** Reads wished images from the centre. Their bytes are proved by the digests that upstream has for them. */
export function createContents({ centre, signal }: ContentsOptions): ContentOf {
  const known = new Map<string, Promise<ImageContent>>()
  const reader = createContentReader(async function* ({ name }, kind, digest) {
    const url = `${centre}/v2/${mirrorRepositoryOf(parseReference(name))}/${kind}/${digest}`
    const { ok, status, body } = await fetch(url, { signal })
    if (!ok || !body) throw new Error(`${url} is answered with ${status}`)
    yield* Readable.fromWeb(body)
  })

  function begin({ expected }: WishedImage): Promise<ImageContent> {
    // Not there yet, or the centre was killed: the next look will tell.
    const options = { what: `${expected.name} at the centre`, withinMs: patienceMs, everyMs: 500, signal }
    const content = eventually(() => reader.read(expected), options)
    content.catch(() => undefined) // Whoever waits for it hears of it.
    return content
  }

  return (image) => {
    const content = known.get(image.reference) ?? begin(image)
    known.set(image.reference, content)
    return content
  }
}
