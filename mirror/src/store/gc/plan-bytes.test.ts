import { describe, expect, it } from 'vitest'
import { planBytes, type BytesInput } from './plan-bytes.ts'

const now = 1_000_000_000
const usual: BytesInput = {
  mark: undefined,
  wasLinked: false,
  isLinked: false,
  changedAt: now - 1000,
  isAlone: false,
  now,
  youngMs: 100,
}
const mark = { at: now - 1, isDying: false }
const dying = { at: now - 1, isDying: true }
const begun = { at: now - 1, isDying: true, etag: 'of the bytes' }
const forgotten = { at: now - 2 * 3600_000, isDying: true }

describe('planBytes', () => {
  it.each<[string, Partial<BytesInput>, ReturnType<typeof planBytes>]>([
    ['linked', { wasLinked: true, isLinked: true }, 'leave'],
    ['without a link', {}, 'condemn'],
    ['without a link, new', { changedAt: now - 99 }, 'leave'],
    ['without a link, of a clock a little ahead', { changedAt: now + 99 }, 'leave'],
    ['without a link, of a clock far ahead', { changedAt: now + 100 }, 'condemn'],
    ['whose last link went just now', { wasLinked: true }, 'condemn'],
    ['that are marked, without a link', { mark }, 'kill'],
    ['that are marked, whose last link went just now', { mark, wasLinked: true }, 'leave'],
    ['that are marked and linked', { mark, wasLinked: true, isLinked: true }, 'pardon'],
    ['that are not there, but their mark is', { mark, changedAt: undefined }, 'pardon'],
    ['that another process began to delete', { mark: begun }, 'kill'],
    ['that another process began to delete, of a clock far ahead', { mark: { ...begun, at: now * 2 } }, 'kill'],
    ['that another process began to delete, and are linked', { mark: begun, wasLinked: true, isLinked: true }, 'kill'],
    ['that another process has deleted half', { mark: begun, changedAt: undefined }, 'pardon'],
    ['that another process deletes in secret', { mark: dying }, 'leave'],
    [
      'that another process deletes in secret, and are linked',
      { mark: dying, wasLinked: true, isLinked: true },
      'leave',
    ],
    ['that a process that ended has deleted half', { mark: dying, isAlone: true }, 'kill'],
    ['whose death was decided long ago', { mark: forgotten }, 'kill'],
    ['whose death was decided long ago, and are gone', { mark: forgotten, changedAt: undefined }, 'pardon'],
  ])('decides about bytes %s', (_, input, expected) => {
    expect(planBytes({ ...usual, ...input })).toBe(expected)
  })
})
