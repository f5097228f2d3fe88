import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { ObjectInfo, ObjectStore } from '@stowage/mirror/store/object-store'
import { readObject } from '@stowage/mirror/store/read-object'
import type { Logger } from 'pino'
import * as z from 'zod'

/** A place that one centre uses, until it is disposed of. */
export interface CentreClaim extends AsyncDisposable {
  /** Says that it is still used, until the signal. @throws Fault conflict: another centre uses it now */
  keep(signal: AbortSignal): Promise<void>
}

export interface CentreClaimOptions {
  /** As the user wrote it. */
  readonly place: string
  readonly log: Logger
  readonly signal: AbortSignal
  readonly claimant?: Claimant
  readonly timing?: ClaimTiming
}

/** A process, for people and for whoever runs beside it. */
export interface Claimant {
  readonly host: string
  readonly pid: number
  /** Processes of one space have different ids. */
  readonly space: string
}

export interface ClaimTiming {
  readonly renewEveryMs: number
  /** A claim that was not renewed for so long is over, by the clock of whoever looks at it. */
  readonly endsAfterMs: number
}

const usualTiming: ClaimTiming = { renewEveryMs: 5000, endsAfterMs: 20_000 }
const key = 'controller/claim'
const claimSchema = z.object({
  version: z.literal(1),
  host: z.string(),
  pid: z.number().int().positive(),
  space: z.string(),
  renewals: z.number().int(),
})
type Claim = z.infer<typeof claimSchema>

interface SeenClaim {
  readonly claim: Claim
  readonly etag: string
}

/**
 * Claims a store for a centre, where no lock of a file system can. Whose process was killed is waited for no longer than for one
 * that may live, or not at all where it can be looked for.
 * @throws Fault conflict: a centre uses it
 */
export async function claimForCentre(
  objects: Pick<ObjectStore, 'get' | 'putIfAbsent' | 'putIfMatch' | 'delete'>,
  { place, log, signal, claimant, timing = usualTiming }: CentreClaimOptions,
): Promise<CentreClaim> {
  const me = claimant ?? (await thisProcess())
  let renewals = 0
  const mine = (): Uint8Array => Buffer.from(JSON.stringify({ version: 1, ...me, renewals: renewals++ }))
  const taken = ({ claim }: Pick<SeenClaim, 'claim'>): Fault => {
    const who = `process ${claim.pid} on ${claim.host}`
    return new Fault(
      'conflict',
      `--data ${place}: another centre uses it, ${who}; stop it, or name another prefix here`,
    )
  }

  async function take(): Promise<ObjectInfo> {
    for (;;) {
      const seen = await read(objects)
      if (seen && !hasEnded(seen.claim, me)) await waitForEnd(seen)
      const stored = seen ? await objects.putIfMatch(key, seen.etag, mine()) : await objects.putIfAbsent(key, mine())
      if (stored) return stored
    }
  }

  /** @throws Fault conflict if it is renewed */
  async function waitForEnd(seen: SeenClaim): Promise<void> {
    const { host, pid } = seen.claim
    log.info({ host, pid }, 'waiting whether the centre that used this bucket last is still there')
    const end = performance.now() + timing.endsAfterMs
    while (performance.now() < end) {
      await delay(Math.min(1000, timing.endsAfterMs / 4), undefined, { signal })
      const now = await read(objects)
      if (!now) return
      if (now.etag !== seen.etag) throw taken(now)
    }
  }

  let held = await take()

  async function renew(): Promise<void> {
    const stored = await objects.putIfMatch(key, held.etag, mine())
    if (stored) {
      held = stored
      return
    }
    const seen = await read(objects)
    if (seen) throw taken(seen)
    held = (await objects.putIfAbsent(key, mine())) ?? held
  }

  return {
    async keep(until) {
      let isTroubled = false
      for (;;) {
        // Being stopped is how this ends.
        await delay(timing.renewEveryMs, undefined, { signal: until }).catch(() => undefined)
        if (until.aborted) return
        try {
          await renew()
          isTroubled = false
        } catch (err) {
          if (!isFault(err, 'unavailable') && !isFault(err, 'no-space')) throw err
          if (!isTroubled) log.warn({ err }, 'the claim of the bucket is not renewed: another centre may take it')
          isTroubled = true
        }
      }
    },

    async [Symbol.asyncDispose]() {
      try {
        await objects.delete(key, held.etag)
      } catch (err) {
        if (!isFault(err)) throw err
        log.warn({ err }, 'the claim of the bucket stays: the next centre waits until it has ended')
      }
    },
  }
}

async function read(objects: Pick<ObjectStore, 'get'>): Promise<SeenClaim | undefined> {
  const found = await readObject(objects, key)
  if (!found) return undefined
  try {
    return { claim: claimSchema.parse(JSON.parse(found.bytes.toString())), etag: found.info.etag }
  } catch (cause) {
    const message = `stored object ${key} cannot be read; was it written by another version of Stowage?`
    throw new Fault('invalid', message, { cause })
  }
}

/** Whether the process is known to be gone: one of the same space, which nobody answers for. */
function hasEnded({ space, pid }: Claim, me: Claimant): boolean {
  if (space !== me.space) return false
  if (pid === me.pid) return true
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** The boot of this machine and its processes as this one sees them: a container has its own. */
async function thisProcess(): Promise<Claimant> {
  const [boot, processes] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readlink('/proc/self/ns/pid'),
  ])
  return { host: hostname(), pid: process.pid, space: `${boot.trim()} ${processes}` }
}
