import { gauge, sample } from '@stowage/mirror/metrics/meter'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { mirrorMetrics } from './all-metrics.ts'
import { openMeasuring } from './open-measuring.ts'

const there = gauge('stowage_there', 'What is there.')

it('numbers are kept and served only where that is asked for', async () => {
  const metrics = [...mirrorMetrics, there]
  const lines: { url?: string; msg: string }[] = []
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as { msg: string }) })
  const options = { metrics, version: '1.2.3', log }
  const none = await openMeasuring(undefined, options)
  expect([none.meter, none.loops]).toEqual([undefined, []])

  const measuring = await openMeasuring({ host: '127.0.0.1', port: 0 }, options)
  let isBroken = false
  measuring.look(() => {
    if (isBroken) throw new Error('broken')
    return [sample(there, {}, 7)]
  })
  const stop = new AbortController()
  const serving = Promise.all(measuring.loops.map((loop) => loop(stop.signal)))
  await expect.poll(() => lines[0]?.url).toMatch(/^http.*\/metrics$/)
  const url = lines[0]?.url ?? ''
  const answer = await fetch(url)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = await answer.text()
  expect(text).toContain(`stowage_build_info{version="1.2.3",node_version="${process.version}"} 1\n`)
  expect(text).toContain('stowage_there 7\n')
  expect((await fetch(url.replace('/metrics', '/api/v1/nodes'))).status).toBe(404)

  isBroken = true
  await expect.poll(async () => (await fetch(url)).status).toBe(500)
  expect(lines.at(-1)?.msg).toBe('metrics not made')
  stop.abort()
  await serving
  await expect(fetch(url)).rejects.toThrow('fetch failed')
})
