import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

export interface KubeconfigOptions {
  readonly server: string
  readonly token: string
  /** A file in PEM; without it any certificate will do. */
  readonly caFile?: string
}

/** Writes a kubeconfig for one user of one cluster; JSON is YAML too. */
export async function writeKubeconfig(file: string, { server, token, caFile }: KubeconfigOptions): Promise<void> {
  const trust = caFile
    ? { 'certificate-authority-data': (await readFile(path.resolve(caFile))).toString('base64') }
    : { 'insecure-skip-tls-verify': true }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, ...trust } }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  }
  await writeFile(file, JSON.stringify(config))
}
