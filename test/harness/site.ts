import { startLink, type RunningLink } from '../link/start-link.ts'
import type { SmallImageOptions } from '../image-maker/small-image.ts'
import { startAgent, type Agent, type AgentOptions } from './agent.ts'
import { startCentre, type Centre, type CentreOptions } from './centre.ts'
import { eventually } from './eventually.ts'
import type { Journey } from './journey.ts'
import {
  openImageWorks,
  startSourceRegistry,
  type ImageWorks,
  type PushedImage,
  type SourceRegistry,
} from './source-registry.ts'
import { askCentre } from './stowage-get.ts'

export interface SiteOptions {
  readonly centre?: Omit<CentreOptions, 'directory'>
  readonly agent?: Pick<AgentOptions, 'labels' | 'runtime' | 'flags'>
}

/** A registry, a centre, and a node behind a link that counts. */
export interface Site extends AsyncDisposable {
  readonly works: ImageWorks
  readonly source: SourceRegistry
  readonly centre: Centre
  readonly link: RunningLink
  readonly agent: Agent
  /** Makes an image and pushes it as `NAME:v1`; images of one seed share the layers of equal places and sizes. */
  push(name: string, options?: SmallImageOptions): Promise<PushedImage>
}

/** Starts them all; the centre has heard of the node when this resolves. */
export async function openSite(journey: Journey, { centre: up = {}, agent: of = {} }: SiteOptions = {}): Promise<Site> {
  await using opening = new AsyncDisposableStack()
  const works = await openImageWorks(journey.at('made'))
  const source = opening.use(await startSourceRegistry({ directory: journey.at('source') }))
  const centre = opening.use(await startCentre({ directory: journey.at('centre'), ...up }))
  const link = opening.use(await startLink({ upstream: centre.url }))
  const agent = opening.use(await startAgent({ directory: journey.at('node'), central: link.url, ...of }))
  const isThere = async (): Promise<boolean> => (await askCentre('nodes', centre.url))[0]?.online === true
  await eventually(isThere, { what: 'the node heard of', withinMs: 30_000 })
  const opened = opening.move()
  return {
    works,
    source,
    centre,
    link,
    agent,
    push: async (name, options) => works.push(await works.make({ seed: name, ...options }), source, `${name}:v1`),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
