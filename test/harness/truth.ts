import type { CacheView, ImageView, NodeView } from '@stowage/controller/operator-api/views'
import type { ImageInQuestion, ImageOnDisk } from './image-on-disk.ts'

/** What the centre said of one node, and what lay on that node's disk at that time or a moment later. */
export interface Sample {
  readonly node: string
  /** Epoch milliseconds before the centre was asked. */
  readonly askedAt: number
  readonly caches: readonly CacheView[]
  readonly nodes: readonly NodeView[]
  readonly images: readonly ImageView[]
  readonly onDisk: readonly (ImageOnDisk & Pick<ImageInQuestion, 'name' | 'root'>)[]
}

/** How long after a missed contact a node may still be called online, in milliseconds: one answer's time. */
const slackMs = 1000

/** Where the centre said more than the node's disk held, or called a node online that had missed its contact. */
export function liesOf({ node, askedAt, caches, nodes, images, onDisk }: Sample): string[] {
  const own = images.filter((view) => view.node === node)
  const views = nodes.filter(({ name }) => name === node)
  const bytesOnDisk = onDisk.reduce((sum, { bytes }) => sum + bytes, 0)
  return [
    ...own.flatMap((view) => imageLies(view, onDisk)),
    ...views.flatMap((view) => [
      ...lateLies(view, askedAt),
      ...more(`node ${node}`, view.bytes.present, bytesOnDisk),
      ...more(`node ${node}, whole images`, view.images.present, onDisk.filter(({ isWhole }) => isWhole).length),
    ]),
    ...caches.flatMap((view) => [
      ...more(`cache ${view.name}`, view.bytes.present, bytesOnDisk),
      ...(view.status === 'Succeeded' && onDisk.some(({ isWhole }) => !isWhole)
        ? [`cache ${view.name} is Succeeded, but not all of it is on ${node}`]
        : []),
    ]),
  ]
}

function imageLies(view: ImageView, onDisk: Sample['onDisk']): string[] {
  const there = onDisk.find(({ name }) => name === view.name)
  if (!there) return []
  const isWhole = there.isWhole && view.digest === there.root
  return [
    ...more(`${view.name}`, view.bytesHere, there.bytes),
    ...(view.state === 'present' && !isWhole ? [`${view.name} is called present, but is not whole on the disk`] : []),
    ...(view.percent === 100 && !isWhole ? [`${view.name} is said to be there by 100 %, but is not whole`] : []),
  ]
}

function lateLies({ name, online, nextContactBy }: NodeView, askedAt: number): string[] {
  if (!online) return []
  if (nextContactBy === null) return [`node ${name} is called online, but was never heard of`]
  const lateMs = askedAt - Date.parse(nextContactBy)
  return lateMs > slackMs ? [`node ${name} is called online ${lateMs} ms after a contact that it missed`] : []
}

function more(what: string, said: number, there: number): string[] {
  return said > there ? [`${what}: ${said} are said to be there, but it is ${there}`] : []
}
