import { isRepository } from '../../oci/reference.ts'
import type { Access, ContentAction } from '../authorize.ts'

/** What a client asks a token for. */
export interface Scope {
  readonly repository: string
  readonly actions: readonly ContentAction[]
}

const contentActions: readonly ContentAction[] = ['pull', 'push', 'delete']

/** The scope of the catalog, as Docker's registry calls it. */
export const catalogScope = 'registry:catalog:*'

/**
 * Reads `repository:NAME:ACTIONS` (distribution, "Docker Registry Token Scope and Access"); `*` is every action, and actions
 * that nobody knows are none. Undefined if it is something else, which nobody is granted.
 */
export function parseScope(text: string): Scope | undefined {
  const [, repository, list] = /^repository(?:\([a-z]+\))?:(.+):([^:]*)$/.exec(text) ?? []
  if (repository === undefined || list === undefined || !isRepository(repository)) return undefined
  const named = new Set(list.split(',').map((action) => action.trim()))
  return { repository, actions: named.has('*') ? contentActions : contentActions.filter((action) => named.has(action)) }
}

/** The scope that a token needs for this. Who pushes looks first whether it is there. */
export function scopeFor(access: Access): string | undefined {
  if (access.action === 'connect') return undefined
  if (access.action === 'list') return catalogScope
  const scope = `repository:${access.repository}:${access.action === 'push' ? 'pull,push' : access.action}`
  return access.from === undefined ? scope : `${scope} repository:${access.from}:pull`
}
