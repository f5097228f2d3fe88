import { sourceViewSchema, type SourceView } from '@stowage/controller/operator-api/views'
import { eventually } from '../eventually.ts'
import type { ClusterSite } from './cluster-site.ts'

/** What a controller says of its wishes, once it calls them so. */
export async function untilSource(
  { controller }: Pick<ClusterSite, 'controller'>,
  condition: SourceView['condition'],
): Promise<SourceView> {
  let last: SourceView | undefined
  const look = async (): Promise<SourceView | false> => {
    last = sourceViewSchema.parse(await (await fetch(`${controller.url}/api/v1/source`)).json())
    return last.condition === condition && last
  }
  return eventually(look, { what: `wishes ${condition}`, withinMs: 60_000 }).catch((cause: unknown) => {
    throw new Error(`it said last: ${JSON.stringify(last)}`, { cause })
  })
}
