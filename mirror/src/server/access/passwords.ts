import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcrypt'
import { Refusal } from '../refusal.ts'
import { createFairQueue } from './fair-queue.ts'
import { costOf, type PasswordHashes } from './htpasswd.ts'

/** Tells whether a password is right. */
export interface Passwords {
  /** Whether it was found to be right before: costs nothing. */
  isProven(name: string, password: string): boolean
  /** Whether somebody waits already to be told whether it is right: asking, too, costs nothing. */
  isAsked(name: string, password: string): boolean
  /** @throws Refusal TOOMANYREQUESTS if too many wait to be told already, and none more of another client than of this one */
  areRight(name: string, password: string, client: string): Promise<boolean>
}

export interface PasswordsOptions {
  /** Those that are in force now. */
  readonly hashes: () => PasswordHashes
  /** Compares a password with a hash of bcrypt; slow, and off this thread. */
  readonly compare?: (password: string, hash: string) => Promise<boolean>
}

/** So many passwords wait for their turn; each takes a tenth of a second or so. */
const mostWaiting = 50

/**
 * Passwords of users. bcrypt is asked once for each right password of a user and each wrong one that comes: a pull of a
 * thousand blobs costs one hash. What is remembered of a right password is an HMAC of it under a key of this process. A name
 * that nobody has costs the same as a wrong password. Clients have their turns: many guesses of one hold up nobody else.
 */
export function createPasswords({ hashes, compare = compareBcrypt }: PasswordsOptions): Passwords {
  const secret = randomBytes(32)
  const proven = new Map<string, { readonly hash: string; readonly mark: Buffer }>()
  const underWay = new Map<string, Promise<boolean>>()
  // One at a time: the threads that hash are those that read the disk.
  const queue = createFairQueue({ most: mostWaiting, refusal: tooMany })

  function markOf(name: string, password: string): Buffer {
    return createHmac('sha256', secret).update(`${name.length}:${name}${password}`).digest()
  }

  /** What it is to be compared with; without a hash of its own the answer is no. */
  function questionOf(name: string, password: string) {
    const all = hashes()
    const own = all.get(name)
    const hash = own ?? nobodysHash(all)
    const mark = markOf(name, password)
    return { own, hash, mark, key: mark.toString('hex') + hash }
  }

  function isProven(name: string, password: string): boolean {
    const known = proven.get(name)
    if (!known) return false
    const isInForce = known.hash === hashes().get(name)
    if (!isInForce) proven.delete(name)
    return isInForce && timingSafeEqual(known.mark, markOf(name, password))
  }

  /** Many connections of one client begin with the same password at once: they wait for the same answer. */
  function compareOnce(key: string, client: string, compareNow: () => Promise<boolean>): Promise<boolean> {
    const before = underWay.get(key)
    if (before) return before
    const answer = queue.add(client, compareNow).finally(() => underWay.delete(key))
    underWay.set(key, answer)
    return answer
  }

  return {
    isProven,
    isAsked: (name, password) => underWay.has(questionOf(name, password).key),
    async areRight(name, password, client) {
      if (isProven(name, password)) return true
      const { own, hash, mark, key } = questionOf(name, password)
      const isRight = await compareOnce(key, client, () => compare(password, hash))
      if (own === undefined || !isRight) return false
      proven.set(name, { hash: own, mark })
      return true
    },
  }
}

function tooMany(): Refusal {
  const message = 'too many passwords wait to be checked; come again in a few seconds'
  return new Refusal('TOOMANYREQUESTS', message, { retryAfterMs: 5000 })
}

/** What no password has, at the price of the dearest hash there is. */
function nobodysHash(hashes: PasswordHashes): string {
  const cost = [...hashes.values()].reduce((most, hash) => Math.max(most, costOf(hash)), 4)
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`
}

/** `htpasswd` writes `$2y$` for what everybody else calls `$2b$`. */
function compareBcrypt(password: string, hash: string): Promise<boolean> {
  return bcrypt.compare(password, hash.replace(/^\$2y\$/, '$2b$'))
}
