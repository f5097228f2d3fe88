import { rm } from 'node:fs/promises'
import { sweepContainerd } from './sweep-containerd.ts'

// Started by a guard when the process that used this containerd is gone and did not stop it.
const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('the directory of a containerd is to be named')
await sweepContainerd(directory)
await rm(directory, { recursive: true, force: true })
