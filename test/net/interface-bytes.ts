import { execa } from 'execa'
import * as z from 'zod'
import type { Namespace } from './namespace.ts'

/** What the kernel counted at a network device. */
export interface InterfaceBytes {
  readonly received: number
  readonly sent: number
}

const bytesSchema = z.object({ bytes: z.number() })
const linksSchema = z.tuple([z.object({ stats64: z.object({ rx: bytesSchema, tx: bytesSchema }) })])

/** Asks the kernel for the counters of a device in a namespace; they last as long as the device. */
export async function interfaceBytes({ name }: Namespace, device: string): Promise<InterfaceBytes> {
  const { stdout } = await execa('ip', ['-n', name, '-s', '-j', 'link', 'show', 'dev', device])
  const [{ stats64 }] = linksSchema.parse(JSON.parse(stdout))
  return { received: stats64.rx.bytes, sent: stats64.tx.bytes }
}
