import {
  cacheViewSchema,
  imageViewSchema,
  itemsSchema,
  nodeViewSchema,
  type CacheView,
  type ImageView,
  type NodeView,
} from '@stowage/controller/operator-api/views'
import { runStowage } from './stowage.ts'

interface Views {
  caches: CacheView
  nodes: NodeView
  images: ImageView
}

const schemas = {
  caches: itemsSchema(cacheViewSchema),
  nodes: itemsSchema(nodeViewSchema),
  images: itemsSchema(imageViewSchema),
}

function read<Kind extends keyof Views>(kind: Kind, text: string): Views[Kind][] {
  return schemas[kind].parse(JSON.parse(text)).items as Views[Kind][]
}

/**
 * Runs `stowage get KIND -o json`.
 * @throws Error with what it said if it fails
 */
export async function stowageGet<Kind extends keyof Views>(kind: Kind, central: string): Promise<Views[Kind][]> {
  const { code, stdout, stderr } = await runStowage(['get', kind, '-o', 'json', '--central', central])
  if (code !== 0) throw new Error(`stowage get ${kind} ended with ${code}: ${stderr}`)
  return read(kind, stdout)
}

/**
 * Asks what `stowage get` asks, without the cost of a process.
 * @throws Error if the centre does not answer within 30 s
 */
export async function askCentre<Kind extends keyof Views>(kind: Kind, central: string): Promise<Views[Kind][]> {
  const answer = await fetch(`${central}/api/v1/${kind}`, { signal: AbortSignal.timeout(30_000) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${central} answers ${kind} with ${answer.status}: ${text}`)
  return read(kind, text)
}
