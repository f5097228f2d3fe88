import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { KubeApi } from './start-kube-api.ts'

type Schema = { readonly [keyword: string]: unknown }

interface OpenApi {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/**
 * Writes a JSON schema for each kind that an API server serves in some versions, those of our definitions among them: its
 * own words (`/openapi/v3`), but that no object may have a field that it does not know.
 * @param apiVersions such as `v1` and `apps/v1`
 */
export async function writeSchemas(
  { kubectl }: Pick<KubeApi, 'kubectl'>,
  directory: string,
  apiVersions: Iterable<string>,
): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const apiVersion of new Set(apiVersions)) {
    const at = `/openapi/v3/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`
    const { schemas } = (JSON.parse(await kubectl('get', '--raw', at)) as OpenApi).components
    const strict = strictly(schemas) as Readonly<Record<string, Schema>>
    for (const [name, { 'x-kubernetes-group-version-kind': kinds = [] }] of Object.entries(strict)) {
      for (const { group, version, kind } of kinds as Kind[]) {
        const text = JSON.stringify({ $ref: refTo(name), components: { schemas: reachable(strict, name) } })
        await writeFile(path.join(directory, schemaFile(group || version, version, kind.toLowerCase())), text)
      }
    }
  }
}

/** Named so that kubeconform's template finds it, which has the version for a group where there is none. */
export function schemaFile(group: string, version: string, kind: string): string {
  return `${group}_${version}_${kind}.json`
}

const refPrefix = '#/components/schemas/'

function refTo(name: string): string {
  return `${refPrefix}${name}`
}

/** Closes every object whose fields are known; what an API server keeps unread stays open. */
function strictly(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => strictly(item))
  if (typeof value !== 'object' || value === null) return value
  const schema = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, strictly(inner)]))
  // A field may be called "properties", too; its value is a schema, whose values are no schemas.
  const isClosed = typeof schema['properties'] === 'object' && schema['type'] === 'object'
  const isOpen = 'additionalProperties' in schema || schema['x-kubernetes-preserve-unknown-fields'] === true
  return isClosed && !isOpen ? { ...schema, additionalProperties: false } : schema
}

/** A schema and all that it leads to, by name. */
function reachable(schemas: Readonly<Record<string, Schema>>, first: string): Record<string, Schema> {
  const found: Record<string, Schema> = {}
  const waiting = [first]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const schema = schemas[name]
    if (!schema) throw new Error(`the API server names a schema ${name} that it does not have`)
    if (found[name]) continue
    found[name] = schema
    for (const [, next = ''] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      waiting.push(next)
  }
  return found
}
