import { isFault } from '@stowage/mirror/oci/fault'
import { LineCounter, parseAllDocuments, type Document } from 'yaml'
import * as z from 'zod'
import { edgeNodeApiVersion, edgeNodeSchema, toEdgeNode, type EdgeNode } from '../../api/edge-node.ts'
import { fieldProblem, fieldProblems, type FieldProblem } from '../../api/field-problem.ts'
import { imageCacheApiVersion, imageCacheSchema, toImageCache, type ImageCache } from '../../api/image-cache.ts'
import { secretSchema, toPullSecret, type PullSecret } from '../../api/pull-secret.ts'
import type { SourceProblem } from '../wish-source.ts'
import { offsetOf } from './field-offset.ts'

/** An object of a file. `json` is what it was read from: what may be remembered is read from it again. */
export type FileObject = (
  | { readonly kind: 'ImageCache'; readonly value: ImageCache }
  | { readonly kind: 'EdgeNode'; readonly value: EdgeNode }
  | { readonly kind: 'Secret'; readonly value: PullSecret }
) & { readonly json: unknown; readonly line: number }

export interface ParsedFile {
  readonly objects: readonly FileObject[]
  readonly problems: readonly SourceProblem[]
}

type Path = readonly (string | number)[]
type Outcome = { readonly object: Omit<FileObject, 'line'> } | { readonly problems: FieldProblem[] } | 'not-ours'

const typeSchema = z.object({ apiVersion: z.string(), kind: z.string() })
const listSchema = z.object({ items: z.array(z.unknown()) })

/** Reads the objects of a YAML or JSON file, all documents and lists in it. Nothing is thrown: what is wrong is a problem. */
export function parseFile(file: string, text: string): ParsedFile {
  const lines = new LineCounter()
  // Pretty errors quote lines of the file, which may hold credentials.
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  const parsed = [...documents].map((document) => parseDocument(file, document, lines))
  return {
    objects: parsed.flatMap(({ objects }) => objects),
    problems: parsed.flatMap(({ problems }) => problems),
  }
}

function parseDocument(file: string, document: Document.Parsed, lines: LineCounter): ParsedFile {
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }): SourceProblem => {
      const { line, col } = lines.linePos(pos[0])
      return { severity: 'error', file, line, column: col, message: `not valid YAML: ${message}` }
    })
    return { objects: [], problems }
  }
  const position = (path: Path): { line: number; column: number } => {
    const { line, col } = lines.linePos(offsetOf(document, path))
    return { line, column: col }
  }
  const json = toJson(document)
  if (json === null) return { objects: [], problems: [] }
  const objects: FileObject[] = []
  const problems: SourceProblem[] = []
  for (const { path, item } of itemsOf(json)) {
    const outcome = readObject(item)
    if (outcome === 'not-ours') {
      problems.push({ severity: 'note', file, ...position(path), message: `${describe(item)} is passed over` })
    } else if ('object' in outcome) {
      objects.push({ ...outcome.object, line: position(path).line } as FileObject)
    } else {
      const found = outcome.problems.map((problem): SourceProblem => {
        const { field, message } = fieldProblem([...path, ...problem.path], problem.message)
        return { severity: 'error', file, ...position([...path, ...problem.path]), field, message }
      })
      problems.push(...found)
    }
  }
  return { objects, problems }
}

/** Aliases that multiply beyond reason make `toJS` throw: then the document is text that no schema accepts. */
function toJson(document: Document.Parsed): unknown {
  try {
    return document.toJS() as unknown
  } catch {
    return 'a document with too many aliases'
  }
}

function itemsOf(json: unknown): { path: Path; item: unknown }[] {
  const type = typeSchema.safeParse(json).data
  const list = type?.kind.endsWith('List') ? listSchema.safeParse(json).data : undefined
  if (!list) return [{ path: [], item: json }]
  return list.items.map((item, index) => ({ path: ['items', index], item }))
}

function readObject(json: unknown): Outcome {
  const type = typeSchema.safeParse(json)
  if (!type.success) {
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
    return {
      problems: isObject
        ? fieldProblems(type.error)
        : [fieldProblem([], 'an object with apiVersion and kind is expected')],
    }
  }
  const { apiVersion, kind } = type.data
  if (kind === 'ImageCache')
    return checked(imageCacheSchema, json, (value) => ({ kind, value: toImageCache(value), json }))
  if (kind === 'EdgeNode') return checked(edgeNodeSchema, json, (value) => ({ kind, value: toEdgeNode(value), json }))
  if (kind === 'Secret') {
    return checked(secretSchema, json, (secret) => {
      const value = toPullSecret(secret)
      return value && { kind, value, json }
    })
  }
  const ours = [imageCacheApiVersion, edgeNodeApiVersion].some((version) => group(version) === group(apiVersion))
  return ours ? { problems: [fieldProblem(['kind'], `${apiVersion} has no kind ${kind}`)] } : 'not-ours'
}

function checked<T>(
  schema: z.ZodType<T>,
  json: unknown,
  read: (value: T) => Omit<FileObject, 'line'> | undefined,
): Outcome {
  const result = schema.safeParse(json)
  if (!result.success) return { problems: fieldProblems(result.error) }
  try {
    const object = read(result.data)
    return object ? { object } : 'not-ours'
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    return { problems: [fieldProblem([], error.message)] }
  }
}

function group(apiVersion: string): string {
  return apiVersion.split('/')[0] ?? ''
}

function describe(item: unknown): string {
  const { apiVersion, kind } = typeSchema.parse(item)
  return kind === 'Secret' ? 'a Secret that holds no registry credentials' : `${apiVersion} ${kind}`
}
