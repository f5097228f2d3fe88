import { Fault } from '@stowage/mirror/oci/fault'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { readObject } from '@stowage/mirror/store/read-object'
import type { Fence } from '@stowage/mirror/store/remote/remote-connection'
import * as z from 'zod'

export interface FenceOwner {
  /** For people. */
  readonly identity: string
  /** Whether this process still leads. */
  readonly mayWrite: () => boolean
}

const key = 'controller/leader'
const ownerSchema = z.object({ version: z.literal(1), identity: z.string(), turn: z.number().int() })

/**
 * Takes a store over: whoever had taken it before can write no more, however late it goes on. Who is stopped in here for so
 * long that another one leads takes nothing from that one.
 * @throws Fault conflict if this process leads no longer; unavailable
 */
export async function takeFence(objects: ObjectStore, { identity, mayWrite }: FenceOwner): Promise<Fence> {
  for (;;) {
    const old = await readObject(objects, key)
    // After it was read: what another leader writes from now on makes this write fail.
    if (!mayWrite()) throw new Fault('conflict', 'this process is the leader no longer')
    const turn = turnOf(old?.bytes) + 1
    const bytes = new TextEncoder().encode(JSON.stringify({ version: 1, identity, turn }))
    const stored = old ? await objects.putIfMatch(key, old.info.etag, bytes) : await objects.putIfAbsent(key, bytes)
    if (stored) return { key, etag: stored.etag }
  }
}

function turnOf(bytes: Buffer | undefined): number {
  if (!bytes) return 0
  try {
    return ownerSchema.parse(JSON.parse(bytes.toString())).turn
  } catch (cause) {
    const message = `stored object ${key} cannot be read; was it written by another version of Stowage?`
    throw new Fault('invalid', message, { cause })
  }
}
