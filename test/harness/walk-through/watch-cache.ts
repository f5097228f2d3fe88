import type { WrittenStatus } from '@stowage/controller/api/written-status'
import { eventually } from '../eventually.ts'
import { spawnProgram } from '../spawned.ts'

/** An ImageCache as its cluster had it at some moment. */
export interface SeenCache {
  readonly metadata: {
    readonly generation: number
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly status: WrittenStatus | undefined
}

/** `kubectl get --watch` of one ImageCache. */
export interface CacheWatch extends AsyncDisposable {
  /** All that it was, the oldest first; what lay between two writes that came at once may be left out. */
  seen(): readonly SeenCache[]
  /** Waits until what it is now is so. */
  until(what: string, isSo: (cache: SeenCache) => boolean): Promise<SeenCache>
}

/** What no status has; kubectl would make spaces of tabs. */
const between = ' <status> '

/** Watches an ImageCache that need not be there yet. @param kubectl the command with all that it needs to reach the cluster */
export function watchCache(
  [kubectl, ...flags]: readonly [string, ...string[]],
  { namespace, name }: { readonly namespace: string; readonly name: string },
): CacheWatch {
  const which = ['imagecaches', `--namespace=${namespace}`, `--field-selector=metadata.name=${name}`]
  const args = ['get', ...which, '--watch', `--output=jsonpath={.metadata}{"${between}"}{.status}{"\\n"}`]
  const program = spawnProgram(kubectl, [...flags, ...args], { name: 'kubectl get --watch' })
  const seen = (): SeenCache[] =>
    program
      .lines()
      .filter((line) => line.startsWith('{'))
      .map((line) => parse(line))
  return {
    seen,
    async until(what, isSo) {
      const look = (): SeenCache | false => {
        const latest = seen().at(-1)
        return latest !== undefined && isSo(latest) && latest
      }
      try {
        return await eventually(look, { what, withinMs: 90_000 })
      } catch (cause) {
        throw new Error(`it was last: ${program.lines().at(-1)}`, { cause })
      }
    },
    [Symbol.asyncDispose]: async () => void (await program.kill()),
  }
}

function parse(line: string): SeenCache {
  const [metadata = '', status = ''] = line.split(between)
  return {
    metadata: JSON.parse(metadata) as SeenCache['metadata'],
    status: status === '' ? undefined : (JSON.parse(status) as WrittenStatus),
  }
}
