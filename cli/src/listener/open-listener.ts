import { X509Certificate } from 'node:crypto'
import { createRateLimit, type RateLimit } from '@stowage/mirror/server/access/rate-limit'
import { allowAll } from '@stowage/mirror/server/authorize'
import { addressBehind } from '@stowage/mirror/server/client-address'
import type { ConnectionLimits } from '@stowage/mirror/server/limit-connections'
import { isLoopback } from '@stowage/mirror/server/listen-address'
import { useCertificate, type createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { createNetworks } from '@stowage/mirror/server/networks'
import type { RegistryOptions } from '@stowage/mirror/server/registry-routes'
import { followCertificateFiles, readCertificateFiles } from '@stowage/mirror/server/tls/certificate-files'
import type { KeyPair } from '@stowage/mirror/server/tls/key-pair'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import type { ListenerFlags } from './listener-options.ts'
import { openAccess } from './open-access.ts'

/** What whoever reaches an open listener may do, and what there is against that. */
export const everything =
  'read and change everything; --htpasswd-file, --token-file and --access-file ask for credentials, --anonymous-pull lets others only pull'

type App = ReturnType<typeof createMirrorServer>

/** What flags say of a listener, with all files read. */
export interface OpenedListener {
  readonly certificate: KeyPair | undefined
  /** What other processes with the same certificate show: that one, and the one before it. Undefined if there is none. */
  readonly trusted: (() => readonly string[]) | undefined
  readonly limits: ConnectionLimits | undefined
  /** For the registry's routes. */
  readonly access: Pick<RegistryOptions, 'authorize' | 'identify' | 'limit' | 'addressOf' | 'largestBlob'>
  /** Whether anybody who reaches it may do everything. */
  readonly isOpen: boolean
  /** Adds the routes that give tokens. */
  readonly addRoutes: (app: App) => Promise<void>
  /** What is to run beside the server: follows the files. */
  readonly loops: (app: App) => ReadonlyArray<(signal: AbortSignal) => Promise<void>>
}

/**
 * Reads what the flags of a listener name.
 * @throws Fault invalid
 */
export async function openListener(flags: ListenerFlags, log: Logger): Promise<OpenedListener> {
  const certificate = await openCertificate(flags, log)
  const limit = limitOf(flags)
  const isProxy = flags.trustedProxy && createNetworks(flags.trustedProxy)
  const addressOf = isProxy && addressBehind(isProxy)
  const opened = await openAccess(flags, { limit, addressOf, log })
  if (opened?.hasUsers && !certificate && !isLoopback(flags.listen)) {
    log.warn('passwords and tokens come in clear text unless a proxy in front does TLS; see --tls-cert-file')
  }
  return {
    certificate: certificate?.pair,
    trusted: certificate?.trusted,
    limits: connectionLimits(flags),
    access: { ...(opened?.access ?? { authorize: allowAll, limit, addressOf }), largestBlob: flags.maxBlobSize },
    isOpen: !opened,
    async addRoutes(app) {
      if (opened?.hasUsers) await app.register(opened.access.routes)
    },
    loops: (app) => [...(certificate ? [certificate.follow(app)] : []), ...(opened?.loops ?? [])],
  }
}

interface OpenedCertificate {
  readonly pair: KeyPair
  readonly trusted: () => readonly string[]
  readonly follow: (app: App) => (signal: AbortSignal) => Promise<void>
}

async function openCertificate(flags: ListenerFlags, log: Logger): Promise<OpenedCertificate | undefined> {
  const files = certificateFilesOf(flags)
  if (!files) return undefined
  const pair = await readCertificateFiles(files)
  let trusted = [ownPart(pair)]
  return {
    pair,
    trusted: () => trusted,
    follow(app) {
      const onPair = (next: KeyPair): void => {
        trusted = [ownPart(next), ...trusted.slice(0, 1)]
        useCertificate(app, next)
      }
      return (signal) => followCertificateFiles(files, { onPair, log }, signal)
    },
  }
}

/** Without those of authorities, which vouch for others as well. */
function ownPart({ certificate }: KeyPair): string {
  return new X509Certificate(certificate).toString()
}

/** @throws Fault invalid */
function certificateFilesOf({ tlsCertFile, tlsKeyFile }: ListenerFlags) {
  if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined
  if (tlsCertFile !== undefined && tlsKeyFile !== undefined) return { certificate: tlsCertFile, key: tlsKeyFile }
  throw new Fault('invalid', '--tls-cert-file and --tls-key-file belong together: give both, or none')
}

function connectionLimits(flags: ListenerFlags): ConnectionLimits | undefined {
  const { maxConnectionsPerAddress: perClient, trustedProxy = [], unlimitedNetwork = [] } = flags
  if (perClient === undefined) return undefined
  const ofMany = [...trustedProxy, ...unlimitedNetwork]
  return { perClient, isProxy: ofMany.length > 0 ? createNetworks(ofMany) : undefined }
}

/** What an image takes at once comes in one go; over ten seconds the rate holds. */
function limitOf({ rateLimit }: ListenerFlags): RateLimit | undefined {
  return rateLimit === undefined
    ? undefined
    : createRateLimit({ perSecond: rateLimit, burst: Math.max(10, rateLimit * 10) })
}
