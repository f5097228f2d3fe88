import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { apiServer } from './cluster-commands.ts'
import type { ClusterFiles } from './cluster-files.ts'

/** The administrator's. */
export const token = 'of-tests'

/** Writes what lets the components and kubectl in, and the key by which service accounts are signed. */
export async function writeClusterAccess(files: ClusterFiles): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(files.serviceAccountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }))
  await writeFile(files.tokens, `${token},admin,admin,system:masters\n`)
  await writeFile(files.kubeconfig, JSON.stringify(kubeconfig))
}

/** JSON is YAML too. */
const kubeconfig = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'test', cluster: { server: apiServer, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'admin', user: { token } }],
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
  'current-context': 'test',
}
