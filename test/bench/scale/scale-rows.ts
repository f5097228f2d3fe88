import type { Measured } from '../scenario.ts'
import type { SceneFigures } from './measure-scene.ts'
import type { Played } from './play-scenes.ts'

interface Row {
  readonly what: string
  readonly unit: string
  /** Undefined where it says nothing. */
  readonly of: (figures: SceneFigures, played: Played) => number | undefined
}

const mebibytes = (bytes: number): number => bytes / 1024 / 1024

const rows: readonly Row[] = [
  { what: 'until the last node is told', unit: 's', of: ({ toldSeconds }) => toldSeconds?.[1] },
  { what: 'until the status is final', unit: 's', of: ({ finalSeconds }) => finalSeconds },
  { what: 'until nothing is written any more', unit: 's', of: ({ quietSeconds }) => quietSeconds },
  { what: 'writes to EdgeNodes', unit: '', of: (figures) => writesTo('edgenodes', figures) },
  { what: 'of these for each node', unit: '', of: (figures) => writesTo('edgenodes', figures) / figures.nodes },
  { what: 'writes to the ImageCache, and events', unit: '', of: otherWrites },
  { what: 'puts into etcd', unit: '', of: ({ counted }) => counted.etcdPuts },
  { what: 'bytes written by etcd', unit: 'MiB', of: ({ counted }) => mebibytes(counted.etcdBytes) },
  { what: 'size of the status', unit: 'KiB', of: ({ statusBytes }) => statusBytes / 1024 },
  { what: 'reports', unit: '', of: ({ reports }) => reports },
  { what: 'CPU of the controller', unit: 's', of: ({ cpuSeconds }) => cpuSeconds || undefined },
  { what: 'of this beyond what it takes at rest', unit: 's', of: beyondRest },
  { what: 'its peak RSS', unit: 'MiB', of: ({ peakBytes }) => mebibytes(peakBytes) || undefined },
  { what: 'the longest wait for an answer of it', unit: 's', of: ({ longestWaitMs }) => longestWaitMs / 1000 },
]

function writesTo(resource: string, { counted }: SceneFigures): number {
  const own = [...counted.writes].filter(([name]) => name.startsWith(resource))
  return own.reduce((sum, [, count]) => sum + count, 0)
}

/** A scene that lasts longer holds more of what nodes say only to be heard of: that is no cost of what changed. */
function beyondRest({ cpuSeconds, countedSeconds }: SceneFigures, { restingCores }: Played): number | undefined {
  return cpuSeconds ? cpuSeconds - restingCores * countedSeconds : undefined
}

function otherWrites(figures: SceneFigures): number {
  return writesTo('imagecaches', figures) + writesTo('events', figures)
}

/** A table of all scenes: the smaller fleet first, so that ratios are growth. */
export function scaleRows(rounds: readonly (readonly Played[])[]): Measured[] {
  const [first] = rounds
  const sizes = first?.map(({ nodes }) => nodes) ?? []
  const of = (find: (played: Played) => number | undefined): Measured['figures'] => {
    const columns = sizes.map((nodes, at): [string, number[]] => {
      return [`${nodes.toLocaleString('en')} nodes`, rounds.flatMap((played) => find(played[at]!) ?? [])]
    })
    return new Map(columns.filter(([, figures]) => figures.length > 0))
  }
  const scenes = first?.[0]?.scenes.map(({ name }) => name) ?? []
  return [
    ...scenes.flatMap((scene, index) =>
      rows.map(({ what, unit, of: find }): Measured => {
        const figures = of((played) => find(played.scenes[index]!, played))
        return { what: `${scene}: ${what}`, unit, better: 'less', figures }
      }),
    ),
    {
      what: 'at rest: CPU of the controller',
      unit: 'cores',
      better: 'less' as const,
      figures: of((p) => p.restingCores),
    },
    { what: 'at rest: its RSS', unit: 'MiB', better: 'less' as const, figures: of((p) => mebibytes(p.restingBytes)) },
    { what: 'at rest: writes', unit: '', better: 'less' as const, figures: of((p) => p.restingWrites) },
  ].filter(({ figures }) => [...figures.values()].flat().some((figure) => figure !== 0))
}
