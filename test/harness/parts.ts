import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** Something that a test needs and that npm does not bring. */
export interface Part {
  /** Why the part cannot be used here, or undefined if it can. */
  missing: () => string | undefined
  /** What a person types to enable it on Debian. */
  enable: string
}

const allParts = {
  containerd: {
    missing: () => noCommand('containerd', 'ctr', 'runc') ?? notRoot(),
    enable: 'as root: apt-get install -y --no-install-recommends containerd runc',
  },
  'docker-registry': {
    missing: () => noCommand('docker-registry'),
    enable: 'apt-get install -y --no-install-recommends docker-registry',
  },
  nginx: {
    missing: () => noCommand('nginx'),
    enable: 'apt-get install -y --no-install-recommends nginx-light',
  },
  podman: {
    missing: () => noCommand('podman'),
    enable: 'apt-get install -y --no-install-recommends podman',
  },
  root: { missing: () => notRoot(), enable: 'run the tests as root' },
  skopeo: {
    missing: () => noCommand('skopeo'),
    enable: 'apt-get install -y --no-install-recommends skopeo',
  },
  wrk: {
    missing: () => noCommand('wrk'),
    enable: 'apt-get install -y --no-install-recommends wrk',
  },
} satisfies Record<string, Part>

export type PartName = keyof typeof allParts

/** Every part that a test may ask for, by the name that `STOWAGE_REQUIRE` takes. */
export const parts: Readonly<Record<PartName, Part>> = allParts

// Debian keeps daemons where the PATH of an ordinary user does not look.
const directories = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

function noCommand(...commands: string[]): string | undefined {
  const absent = commands.filter(
    (command) => !directories.some((directory) => isExecutable(path.join(directory, command))),
  )
  return absent.length > 0 ? `no ${absent.join(', no ')} on PATH` : undefined
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    // Absent or not for us: both mean that the command cannot be used.
    return false
  }
}

function notRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'not root'
}
