import type { CacheView, ImageView, NodeView } from '@stowage/controller/operator-api/views'
import { formatBytes, formatDuration, formatPercent, formatRate } from './format.ts'
import type { Column } from './table.ts'

export interface ColumnsForm {
  readonly output: 'table' | 'wide' | 'json'
  /** Epoch milliseconds. */
  readonly now: number
}

/** Columns of `stowage get caches`. */
export function cacheColumns({ output, now }: ColumnsForm): Column<CacheView>[] {
  return [
    { heading: 'NAMESPACE', value: ({ namespace }) => namespace },
    { heading: 'NAME', value: ({ name }) => name },
    { heading: 'STATUS', value: ({ status }) => status },
    { heading: 'NODES', value: ({ counts: { nodes } }) => `${nodes.complete}/${nodes.matched}` },
    { heading: 'COPIES', value: ({ counts: { copies } }) => `${copies.present}/${copies.wanted}` },
    { heading: 'BYTES', value: ({ bytes }) => (bytes.unknown > 0 ? '?' : percentOf(bytes)) },
    { heading: 'REASON', value: ({ reason }) => reason },
    { heading: 'SINCE', value: ({ startTime }) => formatDuration(now - Date.parse(startTime)) },
    ...(output === 'wide'
      ? [
          { heading: 'REACHABLE', value: ({ counts: { nodes } }: CacheView) => `${nodes.reachable}/${nodes.matched}` },
          { heading: 'FAILED', value: ({ counts: { copies } }: CacheView) => `${copies.failed}` },
        ]
      : []),
    { heading: 'MESSAGE', value: messageOf },
  ]
}

/** The cause itself, where there is one, or why nodes wait; kube-fledged's message only points at it. */
function messageOf({ status, failures, conditions, message }: CacheView): string {
  const first = Object.entries(failures ?? {})[0]
  const why = first?.[1][0]
  if (first && why) return `${first[0]} on ${why.node}: ${why.message}`
  const synced = conditions.find(({ type }) => type === 'Synced')?.message ?? ''
  return status === 'Processing' && synced.includes('; ') ? synced : message
}

/** Columns of `stowage get nodes`. */
export function nodeColumns({ output, now }: ColumnsForm): Column<NodeView>[] {
  return [
    { heading: 'NAME', value: ({ name }) => name },
    {
      heading: 'LINK',
      value: ({ online, lastContact }) => (lastContact === null ? 'never' : online ? 'online' : 'offline'),
    },
    {
      heading: 'CONTACT',
      value: ({ lastContact }) => (lastContact === null ? '-' : `${formatDuration(now - Date.parse(lastContact))} ago`),
    },
    { heading: 'IMAGES', value: ({ images }) => `${images.present}/${images.wanted}` },
    { heading: 'BYTES', value: ({ bytes }) => percentOf(bytes) },
    { heading: 'RATE', value: ({ bytesPerSecond }) => (bytesPerSecond ? formatRate(bytesPerSecond) : '-') },
    { heading: 'ETA', value: ({ etaSeconds }) => (etaSeconds ? formatDuration(etaSeconds * 1000) : '-') },
    { heading: 'PLATFORM', value: ({ platform }) => platform ?? '-' },
    ...(output === 'wide'
      ? [
          { heading: 'RUNTIME', value: ({ runtime }: NodeView) => runtime ?? '-' },
          {
            heading: 'RECEIVED',
            value: ({ bytesReceived }: NodeView) => (bytesReceived === null ? '-' : formatBytes(bytesReceived)),
          },
          { heading: 'VERSION', value: ({ agentVersion }: NodeView) => agentVersion ?? '-' },
          {
            heading: 'LABELS',
            value: ({ labels }: NodeView) =>
              Object.entries(labels)
                .map(([key, value]) => `${key}=${value}`)
                .join(','),
          },
        ]
      : []),
    { heading: 'MESSAGE', value: ({ message }) => message },
  ]
}

/** Columns of `stowage get images`. */
export function imageColumns({ output }: ColumnsForm): Column<ImageView>[] {
  return [
    { heading: 'NODE', value: ({ node }) => node ?? '-' },
    { heading: 'IMAGE', value: ({ image, name }) => (output === 'wide' ? name : image) },
    { heading: 'STATE', value: ({ state, online, node }) => (online || node === null ? state : `${state} (offline)`) },
    { heading: 'BYTES', value: bytesOf },
    { heading: '%', value: ({ percent }) => (percent === null ? '-' : `${percent}`) },
    { heading: 'RATE', value: ({ bytesPerSecond }) => (bytesPerSecond ? formatRate(bytesPerSecond) : '-') },
    { heading: 'ETA', value: ({ etaSeconds }) => (etaSeconds === null ? '-' : formatDuration(etaSeconds * 1000)) },
    ...(output === 'wide'
      ? [
          { heading: 'CACHES', value: ({ caches }: ImageView) => caches.join(',') },
          { heading: 'DIGEST', value: ({ digest }: ImageView) => digest ?? '-' },
        ]
      : []),
    { heading: 'MESSAGE', value: ({ message }) => message },
  ]
}

function bytesOf({ bytesHere, bytesTotal }: ImageView): string {
  return bytesTotal === null ? '-' : `${formatBytes(bytesHere)}/${formatBytes(bytesTotal)}`
}

function percentOf({ present, wanted }: { readonly present: number; readonly wanted: number }): string {
  return wanted === 0 ? '-' : formatPercent(present, wanted)
}
