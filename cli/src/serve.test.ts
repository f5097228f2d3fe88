import { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { serve } from './serve.ts'

it('whoever serves says that it lives, until it is told to stop', async () => {
  const urls: string[] = []
  const said: string[] = []
  const log = pino(
    { level: 'info' },
    {
      write(line) {
        const { url = '', msg } = JSON.parse(line) as { url?: string; msg: string }
        urls.push(url)
        said.push(msg)
      },
    },
  )
  const stop = new AbortController()
  const serving = serve(createMirrorServer(), { listen: { host: '127.0.0.1', port: 0 }, log, signal: stop.signal })
  await expect.poll(() => urls[0]).toMatch(/^http/)
  const answer = await fetch(`${urls[0]}/healthz`)
  expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
  stop.abort()
  await serving
  expect(said.at(-1)).toMatch(/^stopping .*a second signal .* ends it at once/)
  await expect(fetch(`${urls[0]}/healthz`)).rejects.toThrow('fetch failed')
})
