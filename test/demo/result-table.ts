import { formatDuration } from 'stowage/print/format'
import { formatTable, type Column } from 'stowage/print/table'
import type { SiteResult } from './site-result.ts'

const columns: readonly Column<SiteResult>[] = [
  { heading: 'NODE', value: ({ name }) => name },
  { heading: 'OVER THE LINK', value: ({ link }) => (link ? megabytes(link.downBytes + link.upBytes) : 'no link') },
  { heading: 'BLOBS OF IT', value: ({ link }) => (link ? megabytes(link.blobBytes) : '-') },
  { heading: 'IMAGES', value: ({ imageBytes }) => megabytes(imageBytes) },
  { heading: 'RATIO', value: (result) => ratioOf(result)?.toFixed(3) ?? '-' },
  { heading: 'CUTS', value: ({ link }) => `${link?.cuts ?? '-'}` },
  { heading: 'KILLS', value: ({ kills }) => `${kills}` },
  { heading: 'TIME', value: ({ tookMs }) => tookMs.map(formatDuration).join(' + ') },
]

/** One line for each node: what it had to move for what it has. */
export function resultTable(results: readonly SiteResult[]): string {
  return formatTable(columns, results)
}

/** All that crossed the link, both ways, for each byte of image; 1 would be an image that comes by itself. */
function ratioOf({ link, imageBytes }: SiteResult): number | undefined {
  return link && imageBytes > 0 ? (link.downBytes + link.upBytes) / imageBytes : undefined
}

/** Finer than for people elsewhere: here bytes are compared. */
function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
