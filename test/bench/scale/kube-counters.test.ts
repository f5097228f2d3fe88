import { describe, expect, it } from 'vitest'
import { countedBetween, parseWrites } from './kube-counters.ts'

const line = (labels: string, value: number): string => `apiserver_request_total{${labels}} ${value}`

describe('what an API server has counted', () => {
  it('is writes to what is ours, by resource and verb, and how many were refused', () => {
    const text = [
      line('code="201",group="stowage.dev",resource="edgenodes",scope="resource",subresource="",verb="POST"', 7),
      line(
        'code="200",group="stowage.dev",resource="edgenodes",scope="resource",subresource="status",verb="PATCH"',
        1e3,
      ),
      line('code="409",group="stowage.dev",resource="edgenodes",scope="resource",subresource="",verb="POST"', 2),
      line('code="200",group="stowage.dev",resource="edgenodes",scope="cluster",subresource="",verb="LIST"', 5),
      line('code="200",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT"', 9),
    ].join('\n')
    const { writes, refused } = parseWrites(text)
    expect([...writes]).toEqual([
      ['edgenodes POST', 7],
      ['edgenodes/status PATCH', 1000],
    ])
    expect(refused).toBe(2)
  })

  it('is compared kind by kind', () => {
    const at = (count: number) => ({
      writes: new Map([['events POST', count]]),
      refused: 0,
      etcdPuts: count,
      etcdBytes: 0,
    })
    expect(countedBetween(at(2), at(5))).toMatchObject({ writes: new Map([['events POST', 3]]), etcdPuts: 3 })
    expect(countedBetween(at(2), at(2)).writes.size).toBe(0)
  })
})
