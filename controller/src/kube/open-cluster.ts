import { noMeter, type Meter } from '@stowage/mirror/metrics/meter'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Logger } from 'pino'
import { createBell } from '../bell.ts'
import type { ControllerOptions } from '../open-controller.ts'
import { createKubeApi } from './kube-api.ts'
import { readKubeConfig, type KubeConfigOptions } from './kube-config.ts'
import { openKubeSource } from './kube-source.ts'
import { createProjection } from './projection.ts'

export interface OpenClusterOptions extends KubeConfigOptions {
  readonly userAgent: string
  readonly objects: ObjectStore
  readonly log: Logger
  readonly meter?: Meter
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Asked right before anything is written to the cluster; default: yes. */
  readonly mayWrite?: (() => boolean) | undefined
}

/** A cluster as the place where wishes stand and where is written what became of them. */
export interface Cluster extends Required<Pick<ControllerOptions, 'source' | 'onStep'>> {
  /** Writes to the cluster's objects until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/**
 * Opens a cluster; its API server need not answer yet.
 * @throws Fault invalid if nothing says which cluster it is
 */
export async function openCluster(options: OpenClusterOptions): Promise<Cluster> {
  const { userAgent, objects, log, meter = noMeter, now = Date.now, mayWrite = () => true } = options
  const api = createKubeApi({ config: readKubeConfig(options), userAgent, mayWrite })
  const bell = createBell()
  const source = await openKubeSource({ api, objects, log, now, onLook: () => bell.ring() })
  const projection = createProjection({ api, source, bell, now, log, meter })
  return {
    source,
    onStep: (world, { forgetNode }) => projection.show(world, forgetNode),
    run: (signal) => projection.run(signal),
  }
}
