import { describe, expect, it } from 'vitest'
import { edgeNodeDefinition, imageCacheDefinition } from './custom-resources.ts'
import type { OpenApiSchema } from './structural-schema.ts'

type Path = readonly string[]

/** Every node of a schema with the path of its field. */
function* nodesOf(schema: OpenApiSchema, path: Path = []): Generator<[Path, OpenApiSchema]> {
  yield [path, schema]
  const { properties, items, additionalProperties } = schema
  for (const [name, field] of Object.entries((properties ?? {}) as Record<string, OpenApiSchema>)) {
    yield* nodesOf(field, [...path, name])
  }
  for (const inner of [items, additionalProperties]) {
    if (typeof inner === 'object') yield* nodesOf(inner as OpenApiSchema, [...path, '*'])
  }
}

describe.each([imageCacheDefinition(), edgeNodeDefinition()])('the definition of $metadata.name', ({ spec }) => {
  const { versions } = spec as { versions: { schema: { openAPIV3Schema: OpenApiSchema } }[] }
  const nodes = versions.flatMap(({ schema }) => [...nodesOf(schema.openAPIV3Schema)])

  it('is structural: each field has one type, or is a number or text, and none says what an API server refuses', () => {
    for (const [path, node] of nodes) {
      const isTyped = typeof node['type'] === 'string' || node['x-kubernetes-int-or-string'] === true
      expect([path, isTyped]).toEqual([path, true])
      expect([path, Object.keys(node)]).toEqual([
        path,
        expect.not.arrayContaining(['anyOf', 'oneOf', '$ref', 'default']),
      ])
      expect([path, node['additionalProperties']]).not.toEqual([path, false])
    }
  })

  it('tells people what they may write', () => {
    const written = nodes.filter(([[first, ...rest]]) => first === 'spec' && rest.length > 0 && rest.at(-1) !== '*')
    const silent = written.filter(([, { description }]) => description === undefined).map(([path]) => path.join('.'))
    expect(silent).toEqual([])
  })

  it('asks nothing of a status but its types: others have written it before us', () => {
    const status = nodes.filter(([[first]]) => first === 'status')
    for (const [path, node] of status) {
      expect([path, Object.keys(node)]).toEqual([path, expect.not.arrayContaining(['enum', 'required', 'pattern'])])
    }
  })
})
