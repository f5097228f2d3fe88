import { expect, it } from 'vitest'
import { createUploadMemory } from './upload-memory.ts'

const mebibyte = 1024 * 1024

it.each([
  [0, 64 * mebibyte],
  [1, 64 * mebibyte],
  [8, 8 * mebibyte],
  [16, 2 * mebibyte],
  [1000, mebibyte / 4],
])('of %i uploads each may hold %i bytes', (count, share) => {
  const memory = createUploadMemory(128 * mebibyte)
  using stack = new DisposableStack()
  for (let n = 0; n < count; n++) stack.use(memory.enter())
  expect(memory.share()).toBe(share)
})

it('is given back', () => {
  const memory = createUploadMemory(128 * mebibyte)
  for (let n = 0; n < 100; n++) memory.enter()[Symbol.dispose]()
  expect(memory.share()).toBe(64 * mebibyte)
})

it('lets no more than four hold whole segments at a time', async () => {
  const memory = createUploadMemory()
  let [now, most] = [0, 0]
  const work = async (): Promise<void> => {
    most = Math.max(most, ++now)
    await new Promise(setImmediate)
    now--
  }
  await Promise.all(Array.from({ length: 20 }, () => memory.inTurn(work)))
  expect(most).toBe(4)
})
