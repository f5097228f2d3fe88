import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '@stowage/mirror/oci/fault'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../testing/silent-log.ts'
import type { KubeApi, KubeRequest } from './kube-api.ts'
import { imageCacheResource } from './kube-resource.ts'
import { createObjectWatch, type ObjectWatch } from './object-watch.ts'

const item = (name: string, version: number): object => ({
  metadata: { name, namespace: 'edge', uid: `uid-${name}`, resourceVersion: String(version), managedFields: [] },
})
const page = (items: object[], version: number, next?: string): object => ({
  metadata: { resourceVersion: String(version), ...(next && { continue: next }) },
  items,
})
const event = (type: string, object: object): object => ({ type, object })
const gone = event('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' })

type Answer = object | Fault
interface Script {
  readonly lists: Answer[]
  /** One for each watch; when there is none, a watch stays silent. */
  readonly watches: (Answer[] | Fault)[]
}

/** Answers from a script, and notes what was asked. */
function fakeApi({ lists, watches }: Script): { api: KubeApi; asked: string[] } {
  const asked: string[] = []
  const answer = (given: Answer | undefined): object => {
    if (given instanceof Fault) throw given
    return given ?? page([], 1)
  }
  async function* events(given: Answer[] | undefined, signal: AbortSignal): AsyncGenerator<unknown> {
    for (const each of given ?? []) yield answer(each)
    if (given === undefined) await delay(60_000, undefined, { signal })
  }
  const api = {
    server: 'https://fake',
    request: async ({ query }: KubeRequest) => {
      asked.push(`list ${query?.['continue'] ?? ''}`.trim())
      return answer(lists.shift())
    },
    stream: async ({ query, signal }: KubeRequest) => {
      asked.push(`watch ${query?.['resourceVersion']}`)
      const given = watches.shift()
      if (given instanceof Fault) throw given
      return events(given, signal)
    },
    [Symbol.dispose]: () => undefined,
  }
  return { api, asked }
}

/** Runs until all of the script was read. */
async function play(script: Script): Promise<{ watch: ObjectWatch; asked: string[]; states: string[] }> {
  const { api, asked } = fakeApi(script)
  const states: string[] = []
  const stop = new AbortController()
  const watch = createObjectWatch({
    api,
    resource: imageCacheResource,
    random: () => 0,
    now: () => 0,
    log: silentLog,
    onChange: () => states.push(`${watch.state().condition} ${watch.objects.size}`),
  })
  const expected = asked.length + script.watches.length + 1
  const running = watch.run(stop.signal)
  while (asked.filter((words) => words.startsWith('watch')).length < expected) await delay(5)
  await delay(5)
  stop.abort()
  await running
  return { watch, asked, states }
}

describe('a watch of objects', () => {
  it('lists all pages, follows what becomes of them, and goes on where it was when the server ends a watch', async () => {
    const { watch, asked } = await play({
      lists: [page([item('a', 1)], 5, 'more'), page([item('b', 2)], 5)],
      watches: [[event('ADDED', item('c', 6)), event('DELETED', item('a', 7)), event('BOOKMARK', item('', 9))]],
    })
    expect(asked).toEqual(['list', 'list more', 'watch 5', 'watch 9'])
    expect([...watch.objects.keys()]).toEqual(['edge/b', 'edge/c'])
    expect([...watch.deleted]).toEqual(['uid-a'])
    expect(watch.objects.get('edge/b')?.metadata).not.toHaveProperty('managedFields')
  })

  it('lists anew when it is too far behind, and does not call gone what the server did not say to be deleted', async () => {
    const { watch, asked } = await play({
      lists: [page([item('a', 1), item('b', 2)], 5), page([item('b', 2)], 50)],
      watches: [[gone]],
    })
    expect(asked).toEqual(['list', 'watch 5', 'list', 'watch 50'])
    expect([...watch.objects.keys()]).toEqual(['edge/b'])
    expect(watch.deleted.size).toBe(0)
  })

  it('keeps what it has while the server is away, and says so', async () => {
    const away = new Fault('unavailable', 'ECONNREFUSED')
    const { watch, states } = await play({ lists: [page([item('a', 1)], 5)], watches: [[], away] })
    expect(states).toContain('away 1')
    expect(states.at(-1)).toBe('ready 1')
    expect(watch.state()).toMatchObject({ condition: 'ready', isComplete: true, fault: undefined })
  })

  it('keeps what it has when its kind is not known any more', async () => {
    const unknown = new Fault('not-found', 'the server could not find the requested resource')
    const [before, after] = [page([item('a', 1)], 5), page([item('a', 1)], 9)]
    const { asked, states } = await play({ lists: [before, unknown, after], watches: [unknown] })
    expect(asked).toEqual(['list', 'watch 5', 'list', 'list', 'watch 9'])
    expect(new Set(states)).toEqual(new Set(['ready 1', 'away 1']))
  })

  it('takes over what a write was answered with, unless it knows better or not at all', async () => {
    const { watch } = await play({ lists: [page([item('a', 10)], 10)], watches: [] })
    const version = (): unknown => watch.objects.get('edge/a')?.metadata.resourceVersion
    watch.take(item('a', 9))
    expect(version()).toBe('10')
    watch.take(item('a', 11))
    expect(version()).toBe('11')
    watch.take(item('b', 12))
    expect(watch.objects.size).toBe(1)
  })
})
