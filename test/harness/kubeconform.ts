import path from 'node:path'
import { execa } from 'execa'
import * as z from 'zod'
import { toolDirectory } from '../tools/tool-directory.ts'
import { schemaFile } from './kube/write-schemas.ts'

const outputSchema = z.object({
  resources: z
    .array(
      z.object({
        kind: z.string(),
        name: z.string(),
        status: z.enum(['statusValid', 'statusInvalid', 'statusError', 'statusSkipped']),
        msg: z.string(),
      }),
    )
    .nullable(),
})

/** What kubeconform found in YAML files. */
export interface Conformity {
  /** `Kind/name` of each object that it looked at. */
  readonly objects: readonly string[]
  /** What is wrong, in its words; a field that the object's schema does not have is wrong too. */
  readonly faults: readonly string[]
}

/**
 * Lets kubeconform look at the objects of YAML files, by no other schemas than those of `writeSchemas`. Needs
 * `requirePart('kubeconform')`.
 */
export async function checkConformity(schemas: string, ...files: readonly string[]): Promise<Conformity> {
  const location = path.join(schemas, schemaFile('{{.Group}}', '{{.ResourceAPIVersion}}', '{{.ResourceKind}}'))
  const args = ['-strict', '-verbose', '-output', 'json', '-schema-location', location, ...files]
  const { stdout } = await execa(path.join(toolDirectory('kubeconform'), 'kubeconform'), args, { reject: false })
  const { resources } = outputSchema.parse(JSON.parse(stdout))
  const all = (resources ?? []).map((resource) => ({ ...resource, id: `${resource.kind}/${resource.name}` }))
  return {
    objects: all.map(({ id }) => id),
    faults: all.filter(({ status }) => status !== 'statusValid').map(({ id, msg }) => `${id}: ${msg}`),
  }
}
