import { execa } from 'execa'
import type { OciLayout } from '../image-maker/oci-layout.ts'
import type { Credentials } from './push-layout.ts'

export interface SkopeoPushOptions {
  readonly layout: OciLayout
  /** A name in the layout's index.json. */
  readonly name: string
  /** `HOST:PORT/REPOSITORY:TAG`, spoken to without TLS. */
  readonly reference: string
  readonly credentials?: Credentials | undefined
}

/** Pushes all platforms of a named image with skopeo, its digests kept. Needs `requirePart('skopeo')`. */
export async function skopeoPush({ layout, name, reference, credentials }: SkopeoPushOptions): Promise<void> {
  const login = credentials ? ['--dest-creds', `${credentials.username}:${credentials.password}`] : []
  const target = ['copy', '--all', '--preserve-digests', '--dest-tls-verify=false', ...login]
  await execa('skopeo', [...target, `oci:${layout.directory}:${name}`, `docker://${reference}`])
}
