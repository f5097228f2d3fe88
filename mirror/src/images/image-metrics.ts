import { gauge } from '../metrics/meter.ts'

/** What is told of the images that lie in a mirror. */
export const imageMetrics = {
  images: gauge(
    'stowage_mirror_images',
    'Tags by how much of what they mean is here: whole, sparse (platforms were left out) or broken. Counted once an hour.',
    ['completeness'],
  ),
} as const
