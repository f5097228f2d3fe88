import { rm } from 'node:fs/promises'
import { sweepNamespaces } from '../../net/delete-namespace.ts'
import { sweepCluster } from './sweep-cluster.ts'

// Started by a guard when the process that used this cluster is gone and did not stop it.
const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('the directory of a cluster is to be named')
await sweepCluster(directory)
await sweepNamespaces()
await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
