import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import type { RunOperation } from '../../operations/operation.ts'
import { createPace } from '../gc/pace.ts'
import { readRepositories } from '../gc/read-repositories.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Integrity } from '../scrub/integrity.ts'
import type { Mender } from '../scrub/mender.ts'
import { checkData } from './check-data.ts'
import { checkHolds } from './check-holds.ts'
import { checkRepository } from './check-repository.ts'
import type { FsckFault, FsckOptions, FsckProgress, FsckResult } from './fsck-operation.ts'
import { listStoredBlobs } from './stored-blobs.ts'
import type { Suspicion } from './suspicion.ts'

export interface FsckContext {
  readonly objects: ObjectStore
  readonly integrity: Integrity
  readonly mender: Pick<Mender, 'mend'>
  /** How long it rests, as a multiple of how long it works. */
  readonly restRatio: number
}

type Fsck = RunOperation<FsckOptions, FsckProgress, FsckResult>

/** Looks whether all that a store says of itself is so. Writes nothing unless it is to repair. */
export function fsck(context: FsckContext): Fsck {
  const look = lookOnce(context)
  return async ({ isReadingData, isRepairing }, telling) => {
    const begunAt = performance.now()
    const repaired: FsckFault[] = []
    let ofData: readonly FsckFault[] = []
    for (let isFirst = true; ; isFirst = false) {
      const result = await look({ isReadingData: isReadingData && isFirst, isRepairing }, telling)
      if (isFirst) ofData = result.faults.filter(isOfData)
      const newly = result.faults.filter((fault) => fault.isRepaired)
      if (newly.length === 0) {
        const told = new Set([...repaired, ...result.faults].filter(isOfBytes).map(({ digest }) => digest))
        return {
          ...result,
          // No later look reads all data: what the first one found is told, unless another fault tells what became of these bytes.
          faults: [...repaired, ...result.faults, ...ofData.filter(({ digest }) => !told.has(digest))],
          elapsedMs: Math.round(performance.now() - begunAt),
        }
      }
      // What was mended may say of more that it should be there.
      repaired.push(...newly)
    }
  }
}

const isOfData = ({ kind }: FsckFault): boolean => kind === 'blob-damaged' || kind === 'blob-unreadable'
const isOfBytes = (fault: FsckFault): boolean => isOfData(fault) || fault.kind === 'bytes-missing'

function lookOnce(context: FsckContext): Fsck {
  const { objects, integrity, restRatio } = context

  return async ({ isReadingData, isRepairing }, { signal, onProgress }) => {
    const pace = createPace({ restRatio, signal })
    const suspicions: Suspicion[] = []
    const suspect = (suspicion: Suspicion): void => void suspicions.push(suspicion)
    const mend = (digest: Digest): Promise<boolean> => mended(digest, context.mender, signal)
    const check = (digest: Digest) => integrity.check(digest, { signal })
    const tools = { objects, check, mend, suspect, pace }

    const { sizes, strays } = await listStoredBlobs(objects, async (done) => {
      onProgress({ step: 'listing blobs', done })
      await pace()
    })
    const linked = new Set<Digest>()
    const counts = { repositories: 0, tags: 0, manifests: 0 }
    const incomplete: FsckResult['incomplete'] = []
    for await (const repository of readRepositories(objects, { pace })) {
      const checked = await checkRepository(repository, { ...tools, sizes })
      for (const digest of [...repository.links.keys(), ...repository.unreadable]) linked.add(digest)
      incomplete.push(...checked.incomplete.map((each) => ({ repository: repository.name, ...each })))
      counts.repositories++
      counts.tags += checked.tags
      counts.manifests += checked.manifests
      onProgress({ step: 'checking repositories', done: counts.repositories })
    }
    await checkHolds({ objects, suspect })
    if (isReadingData) await readAll()
    const faults = await confirmed(suspicions, { isRepairing, onProgress, signal })
    return {
      ...counts,
      blobs: pileOf(sizes.values()),
      faults,
      incomplete,
      unlinked: pileOf([...sizes].filter(([digest]) => !linked.has(digest)).map(([, size]) => size)),
      uploads: pileOf((await Array.fromAsync(objects.listUploads())).map(({ size }) => size)),
      quarantined: pileOf((await Array.fromAsync(integrity.quarantine.list())).map(({ size }) => size)),
      strays: [...strays],
      elapsedMs: 0,
    }

    async function readAll(): Promise<void> {
      const total = pileOf(sizes.values()).bytes
      let done = 0
      const onBytes = async (bytes: number): Promise<void> => {
        done += bytes
        onProgress({ step: 'reading blobs', done, total })
        await pace()
      }
      const isKnown = ({ fault }: Suspicion): boolean => fault.kind === 'blob-damaged' || fault.kind === 'size-wrong'
      const known = new Set(suspicions.filter(isKnown).map(({ fault }) => fault.digest))
      for (const digest of sizes.keys()) if (!known.has(digest)) await checkData(digest, { ...tools, onBytes, signal })
    }
  }
}

interface ConfirmOptions extends Pick<FsckOptions, 'isRepairing'> {
  readonly onProgress: (progress: FsckProgress) => void
  readonly signal: AbortSignal
}

/** Those that are wrong still, mended where that is asked for and can be done. */
async function confirmed(suspicions: readonly Suspicion[], options: ConfirmOptions): Promise<FsckFault[]> {
  const faults: FsckFault[] = []
  const total = suspicions.length
  for (const [done, { fault, isStill, repair }] of suspicions.entries()) {
    options.signal.throwIfAborted()
    options.onProgress({ step: 'looking again', done, total })
    if (!(await isStill())) continue
    const isRepaired = options.isRepairing && ((await repair?.()) ?? false)
    faults.push({ ...fault, isRepaired })
  }
  return faults
}

async function mended(digest: Digest, { mend }: Pick<Mender, 'mend'>, signal: AbortSignal): Promise<boolean> {
  try {
    return (await mend(digest, { signal })) !== 'missed'
  } catch (error) {
    // Where it came from is away: what is missing is told, and can be tried again.
    if (isFault(error)) return false
    throw error
  }
}

function pileOf(sizes: Iterable<number>): { count: number; bytes: number } {
  let [count, bytes] = [0, 0]
  for (const size of sizes) {
    count++
    bytes += size
  }
  return { count, bytes }
}
