import { expect, it } from 'vitest'
import { createMemoryStore } from '../store/memory-store.ts'
import { openPrivatePrefixes } from './private-prefixes.ts'

const hub = { prefix: 'docker.io', isPrivate: false, isMeantForAll: false }
const team = { prefix: 'mirrors/team', isPrivate: true, isMeantForAll: false }

it('keeps private what was fetched with a credential, until somebody says that it is for all', async () => {
  const objects = createMemoryStore()
  const asked = (...upstreams: (typeof hub)[]) => openPrivatePrefixes(objects, upstreams)
  expect(await asked(hub)).toEqual([])
  expect(await asked(hub, team)).toEqual(['mirrors/team'])
  expect(await asked(hub)).toEqual(['mirrors/team'])
  expect(await asked({ ...team, isPrivate: false })).toEqual(['mirrors/team'])
  expect(await asked({ ...team, isPrivate: false, isMeantForAll: true })).toEqual([])
  expect(await asked()).toEqual([])
})
