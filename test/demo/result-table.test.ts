import { expect, it } from 'vitest'
import { resultTable } from './result-table.ts'

it('says what each node moved for what it has', () => {
  const link = { downBytes: 125_000_000, upBytes: 1_100_000, blobBytes: 123_400_000, cuts: 12 }
  expect(
    resultTable([
      { name: 'ship', link, imageBytes: 123_000_000, kills: 1, tookMs: [21_000, 4_000] },
      { name: 'island', imageBytes: 105_500_000, kills: 0, tookMs: [2_000] },
    ]),
  ).toBe(
    `NODE     OVER THE LINK   BLOBS OF IT   IMAGES     RATIO   CUTS   KILLS   TIME
ship     126.1 MB        123.4 MB      123.0 MB   1.025   12     1       21s + 4s
island   no link         -             105.5 MB   -       -      0       2s
`,
  )
})
