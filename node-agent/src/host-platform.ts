import { arch, platform } from 'node:os'
import { formatPlatform, parsePlatform, type Platform } from '@stowage/mirror/oci/platform'

/** Go's names of what Node calls otherwise. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm/v7', ppc64: 'ppc64le' }
const systems: Readonly<Record<string, string>> = { win32: 'windows' }

/** What this machine runs. */
export function hostPlatform(): Platform {
  return parsePlatform(`${systems[platform()] ?? platform()}/${architectures[arch()] ?? arch()}`)
}

/** The labels that the kubelet would give to a node, under its well-known keys. */
export function wellKnownLabels(node: string, machine: Platform): Record<string, string> {
  const [os = '', architecture = ''] = formatPlatform(machine).split('/')
  return { 'kubernetes.io/hostname': node, 'kubernetes.io/os': os, 'kubernetes.io/arch': architecture }
}
