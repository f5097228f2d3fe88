import { isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import * as z from 'zod'
import { secretSchema, toPullSecret, type PullSecret } from '../api/pull-secret.ts'
import type { SourceProblem } from '../sources/wish-source.ts'
import type { KubeApi } from './kube-api.ts'
import type { KubeObject } from './kube-object.ts'
import { pullSecretResource } from './kube-resource.ts'
import { createObjectWatch, type ObjectWatch, type ObjectWatchOptions } from './object-watch.ts'
import { whoAmI } from './who-am-i.ts'

/** The Secrets of the namespaces in which caches name some. */
export interface PullSecrets {
  /** Watches these namespaces and no others. */
  follow(namespaces: ReadonlySet<string>): void
  /** Whether it is not known yet what a namespace holds, nor that it may not be read. */
  isStarting(namespace: string): boolean
  read(): { readonly secrets: readonly PullSecret[]; readonly problems: readonly SourceProblem[] }
  /** By namespace: a sentence with the command that grants the reading. */
  forbidden(): ReadonlyMap<string, string>
  /** Resolves when all watches have ended. */
  close(): Promise<void>
}

export interface PullSecretsOptions extends Omit<ObjectWatchOptions, 'resource'> {
  readonly api: KubeApi
  readonly log: Logger
  readonly signal: AbortSignal
}

interface Followed {
  readonly watch: ObjectWatch
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/** A namespace that may not be read is tried again now and then: whoever grants it need not tell anybody. */
export function createPullSecrets(options: PullSecretsOptions): PullSecrets {
  const followed = new Map<string, Followed>()
  const parsed = new WeakMap<KubeObject, ReturnType<typeof parseSecret>>()
  let me: string | undefined
  /** Without a name there is no command to tell. */
  let isMeKnown = false
  let learning: Promise<void> | undefined

  function start(namespace: string): Followed {
    const stop = new AbortController()
    const watch = createObjectWatch({ ...options, resource: pullSecretResource(namespace) })
    const ended = watch.run(AbortSignal.any([stop.signal, options.signal]))
    return { watch, stop, ended }
  }

  async function learnWhoIAm(): Promise<void> {
    me = await whoAmI(options.api, options.signal)
    isMeKnown = true
    options.onChange()
  }

  const isDenied = ({ watch }: Followed): boolean => isFault(watch.state().fault, 'denied')

  return {
    follow(namespaces) {
      for (const [namespace, { stop }] of followed) {
        if (namespaces.has(namespace)) continue
        stop.abort()
        followed.delete(namespace)
      }
      for (const namespace of namespaces) {
        if (!followed.has(namespace)) followed.set(namespace, start(namespace))
      }
    },

    isStarting(namespace) {
      const own = followed.get(namespace)
      return own !== undefined && !own.watch.state().isComplete && !(isDenied(own) && isMeKnown)
    },

    read() {
      const read = [...followed.values()].flatMap(({ watch }) =>
        [...watch.objects.values()].map((object) => {
          const known = parsed.get(object) ?? parseSecret(object)
          parsed.set(object, known)
          return known
        }),
      )
      return {
        secrets: read.flatMap(({ secret }) => secret ?? []),
        problems: read.flatMap(({ problem }) => problem ?? []),
      }
    },

    forbidden() {
      const namespaces = [...followed].filter(([, own]) => isDenied(own)).map(([namespace]) => namespace)
      if (namespaces.length > 0 && !isMeKnown) learning ??= learnWhoIAm()
      if (!isMeKnown) return new Map()
      return new Map(namespaces.map((namespace) => [namespace, grantingWords(namespace, me)]))
    },

    async close() {
      for (const { stop } of followed.values()) stop.abort()
      await Promise.all([...[...followed.values()].map(({ ended }) => ended), learning])
    },
  }
}

function parseSecret(object: KubeObject): { readonly secret?: PullSecret; readonly problem?: SourceProblem } {
  const { namespace, name } = object.metadata
  const file = `Secret ${namespace}/${name}`
  try {
    const secret = toPullSecret(secretSchema.parse(object))
    return secret ? { secret } : {}
  } catch (error) {
    if (error instanceof z.ZodError) return { problem: { severity: 'error', file, message: 'it is no Secret' } }
    if (!isFault(error, 'invalid')) throw error
    return { problem: { severity: 'error', file, message: error.message } }
  }
}

/** All that whoever may grant it has to type. */
function grantingWords(namespace: string, me = 'SERVICE-ACCOUNT'): string {
  const [, account] = /^system:serviceaccount:(.+)$/.exec(me) ?? []
  const subject = account === undefined ? `--user=${me}` : `--serviceaccount=${account}`
  const role = 'stowage-pull-secrets'
  return (
    `the controller may not read the Secrets of namespace ${namespace}; grant it with: ` +
    `kubectl create role ${role} --namespace=${namespace} --verb=get,list,watch --resource=secrets && ` +
    `kubectl create rolebinding ${role} --namespace=${namespace} --role=${role} ${subject}`
  )
}
