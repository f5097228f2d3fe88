import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Credentials } from './push-layout.ts'

/** A credential-provider plugin of a test, and what a centre must be told to ask it. */
export interface CredentialPlugin {
  readonly flags: readonly string[]
  /** From now on it answers with these, to be kept for a day. */
  give(credentials: Credentials): Promise<void>
  /** From now on it fails. */
  fail(): Promise<void>
}

const program = `#!${process.execPath}
const fs = require('node:fs')
const { image } = JSON.parse(fs.readFileSync(0, 'utf8'))
const credentials = JSON.parse(fs.readFileSync(process.env.CREDENTIALS, 'utf8'))
console.error('the password is ' + credentials.password)
console.log(JSON.stringify({
  kind: 'CredentialProviderResponse',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  cacheKeyType: 'Registry',
  cacheDuration: '24h',
  auth: { [image.split('/')[0]]: credentials },
}))
`

/** Makes a plugin that fails until it is told what to give. */
export async function makeCredentialPlugin(directory: string, host: string): Promise<CredentialPlugin> {
  const [config, bin, credentials] = ['config.yaml', 'bin', 'credentials.json'].map((name) =>
    path.join(directory, name),
  )
  await mkdir(bin!, { recursive: true })
  await writeFile(path.join(bin!, 'test-provider'), program, { mode: 0o755 })
  await writeFile(config!, configOf(host, credentials!))
  return {
    flags: [`--image-credential-provider-config=${config}`, `--image-credential-provider-bin-dir=${bin}`],
    give: (given) => writeFile(credentials!, JSON.stringify(given)),
    fail: () => rm(credentials!, { force: true }),
  }
}

function configOf(host: string, credentials: string): string {
  return `
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: test-provider
    matchImages: ["${host.replace(/^127\.0\.0/, '127.0.*')}"]
    defaultCacheDuration: 1h
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    env: [{ name: CREDENTIALS, value: ${JSON.stringify(credentials)} }]
`
}
