import { expect, it } from 'vitest'
import { parseAssignment } from './assignment.ts'

const entry = { cache: { namespace: 'n', name: 'c', uid: 'u' }, list: 0, set: null, removal: 'keep' }
const assignment = { version: 1, node: 'edge-1', epoch: 'e', sequence: 3, entries: [entry] }

it('keeps what a later version of the centre says beyond what is known here', () => {
  const later = { ...assignment, policy: { a: 1 }, entries: [{ ...entry, budget: '5Gi' }] }
  expect(parseAssignment(later)).toEqual(later)
})

it.each([
  ['another version', { ...assignment, version: 2 }, 'version'],
  [
    'a window without an end',
    { ...assignment, entries: [{ ...entry, transfer: { windows: [{ start: '07:00' }] } }] },
    'end',
  ],
  ['a rate of nothing', { ...assignment, entries: [{ ...entry, transfer: { bytesPerSecond: 0 } }] }, 'bytesPerSecond'],
])('refuses %s', (_, json, field) => {
  expect(() => parseAssignment(json)).toThrow(new RegExp(`^assignment: .*${field}: `))
})
