import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createFakeCertificate } from '@stowage/mirror/registry/fake-certificate'
import { startMirror, type Mirror } from './start-mirror.ts'

/** Users of a guarded mirror, by their names. */
export const passwords = { ann: 'a password of ann', bob: 'a password of bob' } as const
/** What `htpasswd -nbB` makes of them. */
const htpasswd = `
ann:$2y$10$9SY9SYsPF9AnJ6gnTHG3eesM3S.kiwFZO60B19/PRDMYOfIN96B5y
bob:$2y$10$urJyUqa9gv9RVEUHrnkYzO..gWhkRSFoHlYzNT24cmsWIe2HSHDV2
`
/** Of the user `node`. */
export const nodeToken = 'n'.repeat(40)

/** Everybody pulls `public`, ann does everything in `shop` and `public`, and node pulls everything. */
const rules = `
rules:
  - { repositories: [public/**], who: anyone, may: [pull] }
  - { repositories: [public/**, shop/**], who: [ann], may: [pull, push, delete] }
  - { repositories: ['**'], who: [node], may: [pull] }
`

export interface GuardedMirror extends Mirror {
  /** Of its certificate, in PEM. */
  readonly caFile: string
  readonly keyFile: string
  /** By which programs in Go trust that certificate. */
  readonly env: { readonly SSL_CERT_FILE: string }
}

export interface GuardedMirrorOptions {
  readonly tls?: boolean
  /** Instead of those above, as `--access-file` takes them. */
  readonly accessFile?: string
  readonly flags?: readonly string[]
}

/** A mirror with users, rules and, unless told otherwise, TLS. */
export async function startGuardedMirror(
  directory: string,
  { tls = true, accessFile = rules, flags: more = [] }: GuardedMirrorOptions = {},
): Promise<GuardedMirror> {
  const write = async (name: string, text: string): Promise<string> => {
    const file = path.join(directory, name)
    await writeFile(file, text)
    return file
  }
  const { cert, key } = createFakeCertificate()
  const caFile = await write('tls.crt', cert)
  const keyFile = await write('tls.key', key)
  const flags = {
    ...(tls ? { '--tls-cert-file': caFile, '--tls-key-file': keyFile } : {}),
    '--htpasswd-file': await write('htpasswd', htpasswd),
    '--token-file': await write('tokens', `node:${nodeToken}\n`),
    '--access-file': await write('access.yaml', accessFile),
  }
  const mirror = await startMirror(directory, ...Object.entries(flags).flat(), ...more)
  return { ...mirror, caFile, keyFile, env: { SSL_CERT_FILE: caFile } }
}
