import { expect, it } from 'vitest'
import { createRateWindow } from './rate-window.ts'

it('knows the growth of the last seconds alone', () => {
  const window = createRateWindow(2000)
  expect(window.add(0, 500)).toBe(0)
  expect(window.add(1000, 1500)).toBe(1000)
  expect(window.add(2000, 1500)).toBe(500)
  expect(window.add(3500, 1500)).toBe(0)
  expect(window.add(4000, 2500)).toBe(500)
  expect(window.add(9000, 2500)).toBe(0)
})
