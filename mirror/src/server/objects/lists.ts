import { isFault } from '../../oci/fault.ts'
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts'
import { readObject } from '../../store/read-object.ts'
import { largestPage, mostBrought } from '../../store/remote/wire.ts'
import { jsonAnswer } from '../answer.ts'
import type { ObjectsHandlers } from './objects-exchange.ts'

type Listed = ObjectInfo & { readonly content?: string }

/** A page of what lies below a prefix: one document of known length, so that one that was cut is never taken for whole. */
export const list: ObjectsHandlers = {
  async GET({ objects, query }) {
    const limit = Math.min(Math.max(1, Number(query.get('limit')) || largestPage), largestPage)
    const bringUpTo = Number(query.get('bring')) || 0
    const page: Promise<Listed>[] = []
    let room = mostBrought
    let more = false
    for await (const info of objects.list(query.get('prefix') ?? '', { after: query.get('after') ?? undefined })) {
      more = page.length === limit || room <= 0
      if (more) break
      const isBrought = info.size > 0 && info.size <= bringUpTo
      if (isBrought) room -= info.size
      page.push(isBrought ? withContent(info, objects) : Promise.resolve(info))
      if (page.length % readsAtOnce === 0) await Promise.all(page.slice(-readsAtOnce))
    }
    return jsonAnswer(200, { objects: await Promise.all(page), more })
  },
}

const readsAtOnce = 32

/** As it is now, which may be later than it was listed. Whoever gets none asks for it, and hears then why there is none. */
async function withContent(info: ObjectInfo, objects: ObjectStore): Promise<Listed> {
  try {
    const read = await readObject(objects, info.key)
    return read ? { ...read.info, content: read.bytes.toString('base64') } : info
  } catch (error) {
    if (isFault(error)) return info
    throw error
  }
}

/** All uploads. */
export const uploadList: ObjectsHandlers = {
  GET: async ({ objects }) => jsonAnswer(200, { uploads: await Array.fromAsync(objects.listUploads()) }),
}
