import bcrypt from 'bcrypt'
import { describe, expect, it } from 'vitest'
import { createPasswords } from './passwords.ts'

const hashOf = (password: string): string => bcrypt.hashSync(password, 4)

function counted(users: Record<string, string>) {
  const hashes = new Map(Object.entries(users))
  const asked: string[] = []
  const compare = (password: string, hash: string): Promise<boolean> => {
    asked.push(hash)
    return bcrypt.compare(password, hash.replace('$2y$', '$2b$'))
  }
  return { passwords: createPasswords({ hashes: () => hashes, compare }), hashes, asked }
}

describe('passwords', () => {
  it('are right or wrong, also as htpasswd writes them', async () => {
    const hashes = new Map([['ann', hashOf('secret').replace('$2b$', '$2y$')]])
    const passwords = createPasswords({ hashes: () => hashes })
    expect(await passwords.areRight('ann', 'secret', 'client')).toBe(true)
    expect(await passwords.areRight('ann', 'Secret', 'client')).toBe(false)
    expect(await passwords.areRight('bob', 'secret', 'client')).toBe(false)
  })

  it('cost one hash for a thousand requests, one after the other or at once', async () => {
    const { passwords, asked } = counted({ ann: hashOf('secret') })
    const all = await Promise.all(Array.from({ length: 1000 }, () => passwords.areRight('ann', 'secret', 'client')))
    for (let n = 0; n < 1000; n++) all.push(await passwords.areRight('ann', 'secret', 'client'))
    expect([all.every(Boolean), asked.length]).toEqual([true, 1])
  })

  it('are hashed anew when they changed, and the old one is wrong at once', async () => {
    const { passwords, hashes } = counted({ ann: hashOf('old') })
    expect(await passwords.areRight('ann', 'old', 'client')).toBe(true)
    hashes.set('ann', hashOf('new'))
    expect(passwords.isProven('ann', 'old')).toBe(false)
    expect([
      await passwords.areRight('ann', 'old', 'client'),
      await passwords.areRight('ann', 'new', 'client'),
    ]).toEqual([false, true])
    hashes.delete('ann')
    expect(await passwords.areRight('ann', 'new', 'client')).toBe(false)
  })

  it('cost the same for a name that nobody has', async () => {
    const { passwords, asked } = counted({ ann: hashOf('a'), bob: bcrypt.hashSync('b', 6) })
    expect(await passwords.areRight('eve', 'a', 'client')).toBe(false)
    expect(asked[0]?.slice(0, 7)).toBe('$2b$06$')
  })

  it('are told to come again when too many of them wait', async () => {
    const never = (): Promise<boolean> => new Promise(() => {})
    const passwords = createPasswords({ hashes: () => new Map(), compare: never })
    for (let n = 0; n < 51; n++) void passwords.areRight('ann', String(n), 'client')
    await expect(passwords.areRight('ann', 'one more', 'client')).rejects.toMatchObject({ refusal: 'TOOMANYREQUESTS' })
  })
})
