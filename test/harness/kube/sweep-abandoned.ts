import { rm } from 'node:fs/promises'
import { sweepKubeApi } from './sweep-kube-api.ts'

// Started by a guard when the process that used this API server is gone and did not stop it.
const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('the directory of an API server is to be named')
await sweepKubeApi(directory)
await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
