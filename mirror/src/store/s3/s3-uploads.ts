import { Fault } from '../../oci/fault.ts'
import { checkUploadId } from '../object-key.ts'
import type { ObjectStore } from '../object-store.ts'
import { makeName } from './cell.ts'
import { createS3Upload, findUpload, rollForward, type S3UploadContext } from './s3-upload.ts'
import { headBytes, parseHead, stateCell } from './upload-state.ts'

/** Uploads of which nobody is the owner: any process appends next, and the one that read an older state is refused. */
export function createS3Uploads(context: S3UploadContext): Pick<ObjectStore, 'openUpload' | 'listUploads'> {
  const { uploads, busy } = context

  return {
    async openUpload(id, { create = true } = {}) {
      checkUploadId(id)
      for (;;) {
        const found = await findUpload(id, context)
        if (found) {
          if (!busy.has(id) && (await rollForward(id, found, context))) continue
          return createS3Upload(id, found, context)
        }
        if (!create) throw new Fault('not-found', `there is no upload ${id}`)
        const state = { data: makeName(), segments: [], crumbs: [] }
        const tail = Buffer.alloc(0)
        const etag = await uploads.create(id, stateCell(state, tail))
        if (etag !== undefined) return createS3Upload(id, { etag, state, tail }, context)
      }
    },

    async *listUploads() {
      for await (const { key: id } of uploads.list('', '')) {
        const found = await uploads.find(id, headBytes)
        if (found) yield { id, size: parseHead(found.bytes)?.size ?? 0, changedAt: found.changedAt }
      }
    },
  }
}
