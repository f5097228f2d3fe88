import type { Containerd } from './start-containerd.ts'

export type Labels = Readonly<Record<string, string>>

/** What a containerd holds in the namespace of CRI, as its own `ctr` tells it. */
export interface ContainerdContents {
  /** By name. */
  readonly images: Readonly<Record<string, { readonly digest: string; readonly labels: Labels }>>
  /** Labels of blobs, by digest. */
  readonly content: Readonly<Record<string, Labels>>
  /** By key: for what is whole, the name of its chain. */
  readonly snapshots: Readonly<Record<string, { readonly parent: string; readonly kind: string }>>
  readonly leases: readonly string[]
  /** References of what is half written. */
  readonly ingests: readonly string[]
}

/** Looks at all of it; what changes meanwhile may be seen or not. */
export async function readContents({ ctr }: Pick<Containerd, 'ctr'>): Promise<ContainerdContents> {
  const [images, content, snapshots, leases, ingests] = await Promise.all([
    ctr('images', 'list'),
    ctr('content', 'list'),
    ctr('snapshots', '--snapshotter', 'overlayfs', 'list'),
    ctr('leases', 'list', '--quiet'),
    ctr('content', 'active'),
  ])
  return {
    images: byFirst(linesOf(images), ([, , digest = '', ...rest]) => ({ digest, labels: labelsOf(rest.at(-1)) })),
    content: byFirst(linesOf(content), (words) => labelsOf(words.at(-1))),
    snapshots: byFirst(linesOf(snapshots), (words) => ({
      parent: words.length === 3 ? words[1]! : '',
      kind: words.at(-1)!,
    })),
    leases: leases.split('\n').filter(Boolean),
    ingests: linesOf(ingests).map(([reference = '']) => reference),
  }
}

/** The words of each line below the head. */
function linesOf(table: string): string[][] {
  const [, ...lines] = table.trimEnd().split('\n')
  return lines.map((line) => line.trim().split(/\s+/))
}

function byFirst<T>(lines: readonly string[][], read: (words: readonly string[]) => T): Record<string, T> {
  return Object.fromEntries(lines.map((words) => [words[0]!, read(words)]))
}

/** `KEY=VALUE,KEY=VALUE`, where a value may hold commas; `-` for none. */
function labelsOf(text = '-'): Labels {
  if (text === '-') return {}
  const pairs = text.split(/,(?=[^,=]+=)/).map((pair) => pair.split('=', 2) as [string, string])
  return Object.fromEntries(pairs)
}
