import { openController, type Controller, type ControllerOptions } from '@stowage/controller/open-controller'
import type { Meter } from '@stowage/mirror/metrics/meter'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { runAll } from '@stowage/node-agent/run-all'
import type { Logger } from 'pino'
import type { CentreStore } from './centre-store.ts'

/** Where the wishes of a centre come from, and what else is done with what is known. */
export interface CentreSource extends Pick<ControllerOptions, 'source' | 'onStep'> {
  /** Runs beside the centre. */
  readonly run?: (signal: AbortSignal) => Promise<void>
}

export interface OpenSourceOptions {
  readonly objects: ObjectStore
  readonly log: Logger
  readonly meter: Meter
  /** Whether no other replica can lead yet; undefined where there is none. */
  readonly mayWrite?: (() => boolean) | undefined
}

export interface CentreSettings extends Pick<ControllerOptions, 'upstreamFor' | 'refreshMs' | 'log'> {
  readonly meter: Meter
  readonly openSource: (options: OpenSourceOptions) => Promise<CentreSource>
  /** Told which centre works in this process, and undefined when none does any more. */
  readonly onCentre: (centre: WorkingCentre | undefined) => void
}

export interface OpenCentreOptions
  extends Pick<CentreStore, 'objects' | 'content'>, Pick<OpenSourceOptions, 'mayWrite'> {}

/** How a centre stands. */
export type WorkingCentre = Pick<Controller, 'samples' | 'stepMs' | 'isInformed'>

/** A centre that knows all that it knew before. */
export interface OpenedCentre {
  /** A fastify plugin: what nodes and operators ask. */
  readonly routes: (app: ReturnType<typeof createMirrorServer>) => Promise<void>
  /** Works until the signal. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/**
 * Opens a centre over a store.
 * @throws Fault invalid if another version wrote its memory; unavailable
 */
export async function openCentre(
  { openSource, onCentre, ...settings }: CentreSettings,
  { objects, content, mayWrite }: OpenCentreOptions,
): Promise<OpenedCentre> {
  const { run, ...wishing } = await openSource({ objects, log: settings.log, meter: settings.meter, mayWrite })
  const controller = await openController({ ...settings, ...wishing, content, objects })
  return {
    async routes(app) {
      await app.register(controller.edgeApi)
      await app.register(controller.operatorApi)
    },
    async run(signal) {
      onCentre(controller)
      try {
        await runAll([(until) => controller.run(until), ...(run ? [run] : [])], signal)
      } finally {
        onCentre(undefined)
      }
    },
  }
}
