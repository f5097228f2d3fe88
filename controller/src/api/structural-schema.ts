import * as z from 'zod'

/** A node of an OpenAPI v3 schema. */
export type OpenApiSchema = { [keyword: string]: unknown }

/**
 * A zod schema in the form that a CustomResourceDefinition takes ("structural schema" of apiextensions.k8s.io/v1). Unknown fields
 * are not its business: an API server takes them out, and kubectl refuses them. Other keywords come from the schemas' metadata.
 */
export function structuralSchema(schema: z.ZodType): OpenApiSchema {
  return z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (jsonSchema['x-kubernetes-int-or-string'] === true) delete jsonSchema.anyOf
      // A day without a leap second is all that zod's pattern says more than the format.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
    },
  })
}

/** The same types, but nothing is required of values: what others wrote, in whatever version, is valid too. */
export function relaxed(schema: OpenApiSchema): OpenApiSchema {
  const { enum: _words, required: _names, minimum: _least, properties, items, additionalProperties, ...rest } = schema
  const inside = properties as Record<string, OpenApiSchema> | undefined
  return {
    ...rest,
    ...(inside && { properties: mapValues(inside, (field) => ({ ...relaxed(field), nullable: true })) }),
    ...(isSchema(items) && { items: relaxed(items) }),
    ...(isSchema(additionalProperties) && { additionalProperties: relaxed(additionalProperties) }),
  }
}

function isSchema(value: unknown): value is OpenApiSchema {
  return typeof value === 'object' && value !== null
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
