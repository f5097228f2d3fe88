import { expect, it } from 'vitest'
import { digestOf } from '../../oci/digest.ts'
import { readObject } from '../read-object.ts'
import { blobKey } from '../content/content-keys.ts'
import { blobOf, store } from '../content/stored-content.conformance.ts'
import { createMemoryFileSystem } from '../crash-model/memory-file-system.ts'
import { createRecorder } from '../crash-model/recorder.ts'
import { survivePowerCuts } from '../crash-model/survive-power-cuts.ts'
import { createContentStore } from '../create-content-store.ts'
import type { FileSystem } from '../file-system.ts'
import { openFsStore } from '../fs-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { createIntegrity } from './integrity.ts'
import { quarantineKey } from './quarantine.ts'

const right = 'the right bytes '.repeat(300)
const wrong = Buffer.from(right.replace('right', 'wrong'))
const blob = blobOf(right)

const open = (files: FileSystem): Promise<ObjectStore> => openFsStore({ directory: '/store', files, now: () => 0 })

it('keeps damaged bytes aside or where they were, and right ones for ever, when power is cut', async () => {
  const recorder = createRecorder(createMemoryFileSystem())
  const objects = await open(recorder.process().files)
  await objects.putIfAbsent(blobKey(blob.digest), wrong)
  recorder.note('damaged')
  expect(await createIntegrity(objects, { now: () => 0 }).check(blob.digest)).toBe('damaged')
  recorder.note('aside')
  await store(createContentStore(objects).repository('a'), blob, right)
  recorder.note('mended')

  const checked = await survivePowerCuts({
    operations: recorder.operations,
    root: '/',
    async check(disk, notes) {
      if (!notes.includes('damaged')) return
      await checkDisk(await open(createMemoryFileSystem(disk)), notes)
    },
  })
  expect(checked).toBeGreaterThan(20)
})

async function checkDisk(found: ObjectStore, notes: readonly string[]): Promise<void> {
  const integrity = createIntegrity(found, { now: () => 0 })
  const [there, aside] = await Promise.all([blobKey, quarantineKey].map((key) => readObject(found, key(blob.digest))))
  if (aside && !aside.bytes.equals(wrong)) throw new Error('what lies aside is not what was damaged')
  if (!there && !aside) throw new Error('the damaged bytes are nowhere')
  if (notes.includes('aside') && there?.bytes.equals(wrong)) throw new Error('damaged bytes came back')
  if (notes.includes('mended') && digestOf(there!.bytes) !== blob.digest) throw new Error('right bytes are gone')
  // Whoever finds it goes on from there.
  const verdict = await integrity.check(blob.digest)
  const listed = await Array.fromAsync(integrity.quarantine.list(), ({ digest }) => digest)
  if (verdict !== 'right' && !listed.includes(blob.digest)) throw new Error('nobody knows of the damage')
}
