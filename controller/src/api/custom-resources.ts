import type * as z from 'zod'
import { edgeNodeApiVersion, edgeNodeSchema, edgeNodeStatusSchema } from './edge-node.ts'
import { imageCacheApiVersion, imageCacheSchema } from './image-cache.ts'
import { relaxed, structuralSchema, type OpenApiSchema } from './structural-schema.ts'
import { writtenStatusSchema } from './written-status.ts'

/** An `apiextensions.k8s.io/v1 CustomResourceDefinition`. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1'
  readonly kind: 'CustomResourceDefinition'
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: object
}

interface Column {
  readonly name: string
  readonly jsonPath: string
  readonly type?: 'string' | 'date'
  /** Only with `kubectl get -o wide`. */
  readonly isWide?: boolean
}

interface ResourceOptions {
  readonly apiVersion: string
  readonly names: { readonly kind: string; readonly plural: string; readonly shortNames?: readonly string[] }
  readonly scope: 'Namespaced' | 'Cluster'
  readonly labels: Readonly<Record<string, string>>
  readonly schema: z.ZodType
  readonly status: z.ZodType
  readonly columns: readonly Column[]
}

/** `imagecaches.kubefledged.io`, in place of kube-fledged's: each of its objects is valid, with the status that it wrote. */
export function imageCacheDefinition(): CustomResourceDefinition {
  return definitionOf({
    apiVersion: imageCacheApiVersion,
    names: { kind: 'ImageCache', plural: 'imagecaches', shortNames: ['ic'] },
    scope: 'Namespaced',
    labels: { app: 'kubefledged', kubefledged: 'kubefledged-controller' },
    schema: imageCacheSchema,
    status: writtenStatusSchema,
    columns: [
      { name: 'Status', jsonPath: '.status.status' },
      { name: 'Nodes', jsonPath: '.status.summary.nodes' },
      { name: 'Reason', jsonPath: '.status.reason' },
      { name: 'Age', jsonPath: '.metadata.creationTimestamp', type: 'date' },
      { name: 'Bytes', jsonPath: '.status.summary.bytes', isWide: true },
      { name: 'Message', jsonPath: '.status.message', isWide: true },
    ],
  })
}

/** `edgenodes.stowage.dev`. */
export function edgeNodeDefinition(): CustomResourceDefinition {
  return definitionOf({
    apiVersion: edgeNodeApiVersion,
    names: { kind: 'EdgeNode', plural: 'edgenodes' },
    scope: 'Cluster',
    labels: { app: 'stowage' },
    schema: edgeNodeSchema,
    status: edgeNodeStatusSchema,
    columns: [
      { name: 'Link', jsonPath: '.status.link' },
      { name: 'Synced', jsonPath: '.status.synced' },
      { name: 'Phase', jsonPath: '.status.phase' },
      { name: 'Last-Change', jsonPath: '.status.lastChange', type: 'date' },
      { name: 'Version', jsonPath: '.status.version' },
      { name: 'Message', jsonPath: '.status.message', isWide: true },
    ],
  })
}

function definitionOf({ apiVersion, names, scope, labels, ...rest }: ResourceOptions): CustomResourceDefinition {
  const [group = '', version = ''] = apiVersion.split('/')
  const { kind, plural, shortNames } = names
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels },
    spec: {
      group,
      scope,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), ...(shortNames && { shortNames }) },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: rest.columns.map(columnOf),
          schema: { openAPIV3Schema: objectSchema(rest) },
        },
      ],
    },
  }
}

/** What an API server sees to itself (type and metadata) is only named. */
function objectSchema({ schema, status }: Pick<ResourceOptions, 'schema' | 'status'>): OpenApiSchema {
  const { properties, required, ...rest } = structuralSchema(schema)
  const isOurs = (field: string): boolean => !['apiVersion', 'kind', 'metadata'].includes(field)
  return {
    ...rest,
    properties: {
      ...(properties as object),
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      status: { ...relaxed(structuralSchema(status)), description: 'Written by the controller.', nullable: true },
    },
    required: (required as string[]).filter(isOurs),
  }
}

function columnOf({ name, jsonPath, type = 'string', isWide }: Column): object {
  return { name, type, jsonPath, ...(isWide && { priority: 1 }) }
}
