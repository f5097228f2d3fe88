import type { ListedImage } from '@stowage/mirror/images/list-images'
import { formatBytes } from './format.ts'
import type { Column } from './table.ts'

/** Columns of `stowage mirror ls`. */
export function listedImageColumns(output: 'table' | 'wide'): Column<ListedImage>[] {
  const isWide = output === 'wide'
  return [
    { heading: 'REPOSITORY', value: ({ repository }) => repository },
    { heading: 'TAG', value: ({ tag }) => tag ?? '-' },
    { heading: 'DIGEST', value: ({ digest }) => (isWide ? (digest ?? '-') : shortDigest(digest)) },
    { heading: 'PLATFORMS', value: ({ platforms }) => platforms.join(',') || '-' },
    ...(isWide
      ? [
          { heading: 'LACKING', value: ({ lackingPlatforms }: ListedImage) => lackingPlatforms.join(',') || '-' },
          { heading: 'TYPE', value: ({ mediaType }: ListedImage) => mediaType ?? '-' },
        ]
      : []),
    { heading: 'SIZE', value: ({ bytes }) => formatBytes(bytes) },
    { heading: 'COMPLETE', value: ({ remark }) => remark },
  ]
}

/** As much of a digest as people compare. */
export function shortDigest(digest: string | null): string {
  return digest === null ? '-' : digest.replace(/^([^:]+:.{12}).*$/, '$1')
}
