import { cacheKey } from '../../api/image-cache.ts'
import type { SourceProblem, Wishes } from '../wish-source.ts'
import type { KnownFiles } from './fold-listing.ts'
import type { FileObject } from './parse-file.ts'

/** All objects of all files, each once: of two that share kind, namespace and name the first by file name counts. */
export function combineFiles(files: KnownFiles): { wishes: Wishes; problems: SourceProblem[] } {
  const taken = new Map<string, { file: string; object: FileObject }>()
  const problems: SourceProblem[] = []
  for (const [file, { objects, problems: own }] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    for (const object of objects) {
      const first = taken.get(identityOf(object))
      if (first) problems.push(duplicate(file, object, first))
      else taken.set(identityOf(object), { file, object })
    }
    problems.push(...own.map((problem) => withCachesInForce(problem, objects)))
  }
  const objects = [...taken.values()].map(({ object }) => object)
  return {
    wishes: {
      caches: objects.flatMap((object) => (object.kind === 'ImageCache' ? [object.value] : [])),
      secrets: objects.flatMap((object) => (object.kind === 'Secret' ? [object.value] : [])),
      nodes: objects.flatMap((object) => (object.kind === 'EdgeNode' ? [object.value] : [])),
    },
    problems,
  }
}

function identityOf({ kind, value }: FileObject): string {
  return `${kind} ${'namespace' in value ? cacheKey(value) : value.name}`
}

function duplicate(file: string, object: FileObject, first: { file: string; object: FileObject }): SourceProblem {
  const where = `${first.file}:${first.object.line}`
  const message = `${identityOf(object)} is there already, in ${where}: that one counts. Rename or remove one of the two`
  return { severity: 'error', file, line: object.line, message }
}

function withCachesInForce(problem: SourceProblem, objects: readonly FileObject[]): SourceProblem {
  const caches = objects.flatMap((object) => (object.kind === 'ImageCache' ? cacheKey(object.value) : []))
  return problem.severity === 'error' && caches.length > 0 ? { ...problem, caches } : problem
}
