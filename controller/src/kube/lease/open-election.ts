import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createKubeApi } from '../kube-api.ts'
import { readKubeConfig, type KubeConfigOptions } from '../kube-config.ts'
import { createElection, type Election, type ElectionClocks } from './election.ts'
import { createLeaseClient } from './lease-client.ts'
import { checkTiming, type LeaseTiming } from './lease-timing.ts'

export interface OpenElectionOptions extends KubeConfigOptions {
  readonly userAgent: string
  /** Of the Lease. Default: that of the kubeconfig or of the pod, else `default`. */
  readonly namespace: string | undefined
  readonly name: string
  /** Of this machine or pod: the beginning of this process's identity. */
  readonly hostname: string
  /** `HOST:PORT` where the others reach this process; without one they cannot pass on what they are asked. */
  readonly address: string | undefined
  readonly timing: LeaseTiming
  readonly log: Logger
}

/** An election over connections of its own: nothing else holds up what keeps the Lease. */
export interface OpenedElection extends Election, Disposable {
  readonly identity: string
  readonly clocks: ElectionClocks
}

/**
 * Opens this process's part in an election; the API server need not answer yet.
 * @throws Fault invalid
 */
export function openElection(options: OpenElectionOptions): OpenedElection {
  const { userAgent, hostname } = options
  checkTiming(options.timing)
  const config = readKubeConfig(options)
  const namespace = options.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default'
  const api = createKubeApi({ config, userAgent })
  const leases = createLeaseClient(api, { namespace, name: options.name })
  const identity = `${hostname}_${randomUUID()}`
  if (options.address === undefined) {
    options.log.warn('the other controllers cannot reach this one when it leads: give --advertise HOST:PORT, or POD_IP')
  }
  const election = createElection({ ...options, namespace, leases, identity, clocks, random: Math.random })
  return { ...election, identity, clocks, [Symbol.dispose]: () => api[Symbol.dispose]() }
}

const clocks: ElectionClocks = {
  steady: () => performance.now(),
  wall: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal }).catch(() => undefined)
  },
}
