import type { ImageView } from '@stowage/controller/operator-api/views'
import type { Centre } from './centre.ts'
import { eventually } from './eventually.ts'
import { askCentre } from './stowage-get.ts'

/** What the centre says of an image on its one node, once the message matches. */
export async function untilSaid({ url }: Centre, reference: string, words: RegExp): Promise<ImageView> {
  return eventually(
    async () => {
      const view = (await askCentre('images', url)).find(({ name }) => name === reference)
      if (!view || !words.test(view.message)) throw new Error(`it said: ${JSON.stringify(view)}`)
      return view
    },
    { what: `${words} said of ${reference}`, withinMs: 30_000, everyMs: 200 },
  )
}

/** Resolves when the centre says that an image is present on its one node. */
export async function untilPresent({ url }: Centre, { reference }: { readonly reference: string }): Promise<void> {
  const isPresent = async (): Promise<boolean> => {
    const images = await askCentre('images', url)
    return images.some(({ name, state }) => name === reference && state === 'present')
  }
  await eventually(isPresent, { what: `${reference} said to be present`, withinMs: 60_000 })
}
