import { expect, it } from 'vitest'
import type { SceneFigures } from '../bench/scale/measure-scene.ts'
import { playScenes, type Played } from '../bench/scale/play-scenes.ts'
import { openScaleSite } from '../bench/scale/scale-site.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'

const fleets = { small: 50, large: 200 } as const
const scenes = ['the nodes come for the first time', 'a cache of all images appears']

function writesPerNode({ counted, nodes }: SceneFigures): number {
  const ofNodes = [...counted.writes].filter(([name]) => name.startsWith('edgenodes'))
  return ofNodes.reduce((sum, [, count]) => sum + count, 0) / nodes
}

function isBounded({ counted, quietSeconds }: SceneFigures): boolean {
  const statuses = counted.writes.get('imagecaches/status PATCH') ?? 0
  return counted.refused === 0 && statuses <= 2 + quietSeconds / 5
}

requirePart('kube-api')('what a cluster is written for a fleet', () => {
  it('is no more for each node when there are four times as many, and a status every 5 s at most', async () => {
    await using journey = await openJourney()
    await using site = await openScaleSite({ directory: journey.directory, images: 5 })
    const signal = AbortSignal.timeout(240_000)
    const pace = { fetchMs: 100, contactEveryMs: 15_000, quietMs: 2500, restMs: 500, spreadMs: 200 }
    for (const [name, nodes] of Object.entries(fleets)) {
      const played: Played = await playScenes(site, {
        name,
        nodes,
        ...pace,
        only: scenes,
        signal,
        say: () => undefined,
      })
      expect(played.scenes.map((scene) => scene.name)).toEqual(scenes)
      expect(played.scenes.filter((scene) => !isBounded(scene))).toEqual([])
      const [coming, caching] = played.scenes.map(writesPerNode)
      // It is made, and gets its first status.
      expect([name, coming]).toEqual([name, 2])
      // That it is not in sync, and that it is again.
      expect(caching).toBeLessThanOrEqual(2)
      expect(played.restingWrites).toBe(0)
    }
  })
})
