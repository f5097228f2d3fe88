import type { ObjectInfo } from '../../store/object-store.ts'
import { largestPage } from '../../store/remote/wire.ts'
import { jsonAnswer } from '../answer.ts'
import type { ObjectsHandlers } from './objects-exchange.ts'

/** A page of what lies below a prefix: one document of known length, so that one that was cut is never taken for whole. */
export const list: ObjectsHandlers = {
  async GET({ objects, query }) {
    const limit = Math.min(Math.max(1, Number(query.get('limit')) || largestPage), largestPage)
    const page: ObjectInfo[] = []
    let more = false
    for await (const info of objects.list(query.get('prefix') ?? '', { after: query.get('after') ?? undefined })) {
      more = page.length === limit
      if (more) break
      page.push(info)
    }
    return jsonAnswer(200, { objects: page, more })
  },
}

/** All uploads. */
export const uploadList: ObjectsHandlers = {
  GET: async ({ objects }) => jsonAnswer(200, { uploads: await Array.fromAsync(objects.listUploads()) }),
}
