import { writeFile } from 'node:fs/promises'

export interface KubeconfigOptions {
  readonly server: string
  readonly token: string
}

/** Writes a kubeconfig for one user of a cluster whose certificate is not looked at; JSON is YAML too. */
export async function writeKubeconfig(file: string, { server, token }: KubeconfigOptions): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  }
  await writeFile(file, JSON.stringify(config))
}
