import { isAbsolute, resolve } from 'node:path'
import type { Logger } from 'pino'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { FileSystem } from '../files/file-system.ts'
import { openLayoutRuntime } from './layout/layout-runtime.ts'
import type { Runtime } from './runtime.ts'

/** What `layout:DIR`, `containerd` and `containerd:SOCKET` name. */
export type RuntimePlace =
  { readonly kind: 'layout'; readonly directory: string } | { readonly kind: 'containerd'; readonly socket: string }

/** What only containerd is told. */
export interface ContainerdSettings {
  readonly namespace: string
  readonly snapshotter: string
  /** Whether compressed layers stay in its content store when they are unpacked. */
  readonly retain: Retain
}

/** What stays of an image besides what was unpacked. */
export type Retain = (typeof retains)[number]
export const retains = ['none', 'blobs'] as const

/** What the kubelet's containerd is like where nobody changed it. */
export const defaultContainerdSettings: ContainerdSettings = {
  namespace: 'k8s.io',
  snapshotter: 'overlayfs',
  retain: 'none',
}

export interface OpenRuntimeOptions {
  readonly files: FileSystem
  readonly platform: Platform
  readonly containerd?: ContainerdSettings
  readonly log: Logger
}

const defaultSocket = '/run/containerd/containerd.sock'
/** `sun_path` of unix(7), without the byte that ends it. */
const longestSocketPath = 107

/**
 * Reads what a runtime is called on a command line.
 * @throws Fault invalid
 */
export function parseRuntimePlace(text: string): RuntimePlace {
  const [, kind, place] = /^([a-z]+)(?::(.+))?$/s.exec(text) ?? []
  if (kind === 'layout' && place) return { kind, directory: place }
  if (kind === 'containerd') return { kind, socket: checkSocket(place ?? defaultSocket) }
  throw new Fault(
    'invalid',
    `"${text.slice(0, 200)}" is not a runtime; write containerd, containerd:SOCKET or layout:DIR`,
  )
}

function checkSocket(path: string): string {
  if (!isAbsolute(path)) throw new Fault('invalid', `the socket of containerd, "${path}", must be an absolute path`)
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new Fault('invalid', `the path ${path} is too long for a socket: at most ${longestSocketPath} bytes`)
  }
  return path
}

/**
 * Opens a runtime by what it is called on a command line. A containerd that is not there is no error here: it is waited for.
 * @throws Fault invalid | denied | no-space | unavailable
 */
export async function openRuntime(text: string, options: OpenRuntimeOptions): Promise<Runtime> {
  const place = parseRuntimePlace(text)
  if (place.kind === 'layout') return openLayoutRuntime({ directory: resolve(place.directory), ...options })
  // Loaded only where it is used: gRPC takes memory.
  const { openContainerdRuntime } = await import('./containerd/containerd-runtime.ts')
  return openContainerdRuntime({
    ...defaultContainerdSettings,
    ...options.containerd,
    ...options,
    socket: place.socket,
  })
}
