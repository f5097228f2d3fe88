import PQueue from 'p-queue'
import type { ContentSource } from '../content.ts'
import { isFault } from '../oci/fault.ts'
import type { RegistryClient } from '../registry/registry-client.ts'
import { createPause, type Pause } from './pause.ts'
import { createPullBudget, type PullBudget } from './pull-budget.ts'
import type { UpstreamSettings } from './upstream-settings.ts'

/** What is asked of a registry that is pulled through. */
export type UpstreamSource = Required<ContentSource> & Pick<RegistryClient, 'statBlob'>

/** A registry that is pulled through, as this process knows it. */
export interface Upstream {
  readonly settings: UpstreamSettings
  /** Asks it, unless it is to be left alone. */
  readonly source: UpstreamSource
  readonly pause: Pause
  readonly budget: PullBudget
  /** Whether a manifest may be fetched that is perhaps here already. */
  readonly hasPullsToSpare: () => boolean
  /** Bounds how many blobs come from it at a time. */
  readonly queue: PQueue
}

export interface UpstreamOptions {
  readonly settings: UpstreamSettings
  /** Makes its client, which tells the headers of answers. */
  readonly connect: (onHeaders: PullBudget['note']) => UpstreamSource
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

const blobsAtOnce = 16

export function createUpstream({ settings, connect, now, random }: UpstreamOptions): Upstream {
  const pauseOptions = { upstream: settings.host, now, random }
  const pause = createPause(pauseOptions)
  // A budget of manifests is no reason to ask for nothing else.
  const manifestPause = createPause(pauseOptions)
  const budget = createPullBudget(now)
  const client = connect((headers) => budget.note(headers))

  async function ask<T>(work: () => Promise<T>): Promise<T> {
    pause.check()
    try {
      const result = await work()
      pause.note(undefined)
      return result
    } catch (error) {
      pause.note(error)
      throw error
    }
  }

  async function askForManifest<T>(work: () => Promise<T>): Promise<T> {
    manifestPause.check()
    pause.check()
    try {
      const result = await work()
      manifestPause.note(undefined)
      pause.note(undefined)
      return result
    } catch (error) {
      const isBudget = isFault(error, 'unavailable') && error.details['status'] === 429
      ;(isBudget ? manifestPause : pause).note(error)
      throw error
    }
  }

  return {
    settings,
    pause,
    budget,
    hasPullsToSpare: () => budget.allowsRefresh() && !manifestPause.isAway,
    queue: new PQueue({ concurrency: blobsAtOnce }),
    source: {
      resolve: (...args) => ask(() => client.resolve(...args)),
      manifest: (...args) => askForManifest(() => client.manifest(...args)),
      blob: (...args) => ask(() => client.blob(...args)),
      statBlob: (...args) => ask(() => client.statBlob(...args)),
      referrers: (...args) => ask(() => client.referrers(...args)),
    },
  }
}
