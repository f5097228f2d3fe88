import { expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { chainIds } from './chain-ids.ts'

const [lower, middle, upper] = [digestOf('lower'), digestOf('middle'), digestOf('upper')] as const

// Made with: printf '%s %s' "$below" "$diff_id" | sha256sum
const two = 'sha256:0108564570265a5663f8234cafd1814bf1537d4b24c828a56e7589b6b8ba4937'
const three = 'sha256:8b064905bd8c5281fff725c63f4ef8d07e93dbdbe320bf49dd1e23a2a94c26a8'

it.each([
  ['no layer', [], []],
  ['one layer', [lower], [lower]],
  ['three layers', [lower, middle, upper], [lower, two, three]],
])('names the file systems of %s', (_, diffIds, names) => {
  expect(chainIds(diffIds)).toEqual(names)
})

it('names the same layers in another order differently, but for the lowest', () => {
  expect(chainIds([middle, lower])[1]).not.toBe(two)
  expect(chainIds([lower, lower])).toEqual([lower, digestOf(`${lower} ${lower}`)])
})
