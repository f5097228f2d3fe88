import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ImageView } from '@stowage/controller/operator-api/views'
import { writeImageCache } from '../harness/image-cache.ts'
import { askCentre } from '../harness/stowage-get.ts'
import { listeningUrl } from './listening-url.ts'
import { placeLabel } from './site-plan.ts'
import type { Actor, Stage } from './stage.ts'

/** The one ImageCache of the demo, in the namespace `default`. */
export const cacheName = 'demo'

/** What all nodes are to have, and what only those on land. */
export interface Wishes {
  readonly everywhere: string
  readonly onLand: string | undefined
}

/** The centre: wishes in a directory, controller and mirror in one process. */
export interface Centre {
  readonly url: string
  isUp(): boolean
  /** Writes the wishes as a user would: one YAML file, replaced. */
  wish(wishes: Wishes): Promise<void>
  /** The lines of `stowage get images`; undefined while the centre does not answer. */
  images(): Promise<ImageView[] | undefined>
  /** SIGKILL, and after a while a new process on the same data and address. */
  crash(options: { awayMs: number }): Promise<void>
}

/** Starts a centre that has nothing to do yet. */
export async function startCentre(stage: Stage): Promise<Centre> {
  const { directory, signal } = stage
  const caches = path.join(directory.path, 'caches')
  await mkdir(caches)
  let actor = startActor('127.0.0.1:0')
  const url = await listeningUrl(actor.program)
  let isUp = true

  function startActor(listen: string): Actor {
    const places = ['--caches', caches, '--data', path.join(directory.path, 'centre')]
    return stage.start('centre', ['up', ...places, '--listen', listen])
  }

  return {
    url,
    isUp: () => isUp,
    wish: ({ everywhere, onLand }) =>
      writeImageCache(caches, {
        name: cacheName,
        images: [everywhere],
        lists: onLand === undefined ? [] : [{ images: [onLand], nodeSelector: { [placeLabel]: 'land' } }],
      }),
    images: () => askCentre('images', url).catch(() => undefined), // Killed, or only slow: the next look will tell.
    async crash({ awayMs }) {
      isUp = false
      await actor.kill()
      await delay(awayMs, undefined, { signal })
      const { host } = new URL(url)
      actor = startActor(host)
      await listeningUrl(actor.program)
      isUp = true
    },
  }
}
