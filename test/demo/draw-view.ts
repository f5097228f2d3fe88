import { formatBytes, formatDuration, formatPercent, formatRate } from 'stowage/print/format'
import type { DemoView, ImageLine, NodeBlock } from './demo-view.ts'

/** How a line is to look. */
export type Tone = 'title' | 'plain' | 'good' | 'bad' | 'faint'

export interface DrawnLine {
  readonly text: string
  readonly tone: Tone
}

const barWidth = 20

/** The block that a terminal shows: a title, then each node with its images. */
export function drawBlock({ phase, elapsedMs, isCentreUp, nodes }: DemoView): DrawnLine[] {
  const away = isCentreUp ? '' : ' (the centre is down)'
  return [
    { text: `${clock(elapsedMs)}  ${phase}${away}`, tone: isCentreUp ? 'title' : 'bad' },
    ...nodes.flatMap((node) => [headLine(node), ...node.images.map((image) => imageLine(image, node))]),
  ]
}

/** The same for where lines cannot be taken back: one for each node. */
export function drawLines({ elapsedMs, isCentreUp, nodes }: DemoView): string[] {
  const away = isCentreUp ? '' : ' (centre down)'
  return nodes.map((node) => {
    const images = node.images.map((image) => `${image.label} ${standing(image, node)}`).join('; ')
    return `${clock(elapsedMs)}  ${node.name}: ${linkWord(node)}, ${node.cuts} cuts${away}; ${images || 'no image yet'}`
  })
}

/** `0:07`, `12:34`. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, '0')}`
}

function headLine(node: NodeBlock): DrawnLine {
  const cuts = `${node.cuts} cut${node.cuts === 1 ? '' : 's'}`
  const rate = formatRate(node.bytesPerSecond).padStart(10)
  const came = `${formatBytes(node.downBytes)} came`
  const text = `${node.name.padEnd(8)}${linkWord(node).padEnd(20)}${rate}   ${cuts.padEnd(9)}${came}`
  return { text, tone: node.link === 'up' && node.agent === 'running' ? 'plain' : 'bad' }
}

function imageLine(image: ImageLine, node: NodeBlock): DrawnLine {
  const { label, state, bytesHere, bytesTotal } = image
  const tone = { present: 'good', failed: 'bad', removing: 'faint', 'in-use': 'faint' } as const
  const isUnderWay = (state === 'fetching' || state === 'waiting') && bytesTotal !== null
  const percent = isUnderWay
    ? `${bar(bytesHere / bytesTotal)}${formatPercent(bytesHere, bytesTotal).padStart(4)}  `
    : ''
  const text = `  ${label.padEnd(12)}${percent}${standing(image, node)}`
  return { text, tone: state in tone ? tone[state as keyof typeof tone] : 'plain' }
}

function linkWord({ link, agent }: NodeBlock): string {
  if (agent === 'killed') return 'agent KILLED'
  if (link === 'up') return 'link up'
  return link === 'silence' ? 'link CUT: silence' : 'link CUT: resets'
}

function standing(image: ImageLine, node: NodeBlock): string {
  const { state, bytesHere, bytesTotal, message } = image
  switch (state) {
    case 'present':
      return `on board, ${formatBytes(bytesTotal ?? bytesHere)}`
    case 'removing':
    case 'in-use':
      return 'no longer wanted'
    case 'failed':
      return `FAILED: ${message}`
    case 'mirror':
      return message || 'the centre fetches it'
    default:
      return onItsWay(image, node)
  }
}

function onItsWay(image: ImageLine, node: NodeBlock): string {
  const { state, bytesHere, message } = image
  if (state === 'fetching') return `${share(image)}${isMoving(node) ? outlook(image) : ''}`
  if (state === 'publishing') return `${share(image)}, being named`
  return `${bytesHere > 0 ? `${share(image)}, ` : ''}${message || 'waits'}`
}

function isMoving({ link, agent }: NodeBlock): boolean {
  return link === 'up' && agent === 'running'
}

function share({ bytesHere, bytesTotal }: ImageLine): string {
  return bytesTotal === null ? formatBytes(bytesHere) : `${formatBytes(bytesHere)} of ${formatBytes(bytesTotal)}`
}

function outlook({ bytesPerSecond, etaSeconds }: ImageLine): string {
  const rate = bytesPerSecond ? `, ${formatRate(bytesPerSecond)}` : ''
  return etaSeconds === null ? rate : `${rate}, ${formatDuration(etaSeconds * 1000)} left`
}

function bar(part: number): string {
  const filled = Math.round(Math.min(1, part) * barWidth)
  return `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`
}
