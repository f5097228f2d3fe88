import { createHash } from 'node:crypto'
import type { Disk, DiskFile } from './disk.ts'
import { createSeededRandom } from '../seeded-random.ts'
import type { Operation } from './recorder.ts'
import { diskWith, momentsOf, type Fate, type Moment } from './power-cut.ts'

export interface PowerCutOptions {
  readonly operations: readonly Operation[]
  /** The directory that was there, durable, before the recording began. */
  readonly root: string
  /** Power is cut at this operation at the earliest, 0 by default. */
  readonly from?: number | undefined
  /** Random mixtures of fates at each moment, besides the telling ones; 5 by default. */
  readonly samples?: number | undefined
  /** The same seed tries the same disks. */
  readonly seed?: number | undefined
  /** Opens what is left, and throws if it is not what was promised by then (`notes`). */
  readonly check: (disk: Disk, notes: readonly string[]) => Promise<void>
}

/**
 * Cuts power after every operation, in many ways, and checks each disk that may be found then. Resolves with how many
 * different ones were checked.
 * @throws Error with the operation, the fates and the seed, and what the check found as its cause
 */
export async function survivePowerCuts(options: PowerCutOptions): Promise<number> {
  const { operations, root, from = 0, samples = 5, seed = Date.now() % 2 ** 31, check } = options
  const random = createSeededRandom(seed)
  const checked = new Set<string>()
  const notes: string[] = []
  for (const [count, moment] of [...momentsOf(operations, root)].entries()) {
    const last = operations[count - 1]
    if (last?.kind === 'note') notes.push(last.text)
    if (count < from) continue
    for (const fates of fatesOf(moment, { samples, random })) {
      const disk = diskWith(moment, fates, random)
      const print = fingerprint(disk, notes)
      if (checked.has(print)) continue
      checked.add(print)
      try {
        await check(disk, notes)
      } catch (cause) {
        throw new Error(describe({ moment, fates, last, count, seed }), { cause })
      }
    }
  }
  return checked.size
}

/** So many of the latest changes are tried alone: the older ones had their turn when they were the latest. */
const maxAlone = 6

/** All lost, all kept, single ones lost or kept or half there, and mixtures. */
function* fatesOf(
  { unsettled }: Moment,
  { samples, random }: { readonly samples: number; readonly random: () => number },
): Generator<Fate[]> {
  const all = (fate: Fate): Fate[] => unsettled.map(() => fate)
  yield all('lost')
  if (unsettled.length === 0) return
  yield all('kept')
  for (const [index, change] of [...unsettled.entries()].slice(-maxAlone)) {
    yield all('lost').with(index, 'kept')
    for (const fate of waysToGo(change.kind)) yield all('kept').with(index, fate)
  }
  for (let sample = 0; sample < samples; sample++) {
    yield unsettled.map(({ kind }) => pick(['kept', ...waysToGo(kind)], random))
  }
}

function waysToGo(kind: 'name' | 'data'): Fate[] {
  return kind === 'name' ? ['lost'] : ['lost', 'torn', 'zeroed']
}

function pick<T>(choices: readonly [T, ...T[]], random: () => number): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0]
}

function fingerprint(disk: Disk, notes: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(notes))
  const seen = new Map<DiskFile, number>()
  for (const [path, entry] of [...disk].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`\0${path}\0`)
    if (entry === 'directory') continue
    const number = seen.get(entry) ?? seen.size
    seen.set(entry, number)
    hash.update(`${number} ${entry.bytes.length} `).update(entry.bytes)
  }
  return hash.digest('base64')
}

interface Cut {
  readonly moment: Moment
  readonly fates: readonly Fate[]
  readonly last: Operation | undefined
  readonly count: number
  readonly seed: number
}

function describe({ moment, fates, last, count, seed }: Cut): string {
  const changes = moment.unsettled.map((change, index) => {
    const what = change.kind === 'name' ? `name ${change.path}` : `${change.change.kind} to file ${change.file}`
    return `  ${fates[index]}: ${what} (operation ${change.at + 1})`
  })
  const at = last ? `operation ${count}, ${last.kind} ${'path' in last ? last.path : ''}` : 'the start'
  return [`a power cut after ${at} does harm (seed ${seed}); not durable by then:`, ...changes].join('\n')
}
