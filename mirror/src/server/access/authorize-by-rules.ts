import type { Access, ContentAction, Decision, Principal } from '../authorize.ts'
import type { AccessRule, AccessRules } from './access-rules.ts'

export interface AuthorizeByRulesOptions {
  /** Those that are in force now. */
  readonly rules: () => AccessRules
  /** Whether there are credentials to show at all: without any the probe of `/v2/` need not ask for them. */
  readonly hasUsers: boolean
}

/** Decides by the rules, and by what a token was made for. */
export function authorizeByRules({
  rules,
  hasUsers,
}: AuthorizeByRulesOptions): (principal: Principal, access: Access) => Decision {
  return (principal, access) => {
    // Most clients show no credentials at all unless the probe asks for them.
    if (access.action === 'connect') return { allowed: !hasUsers || principal.kind !== 'anonymous' }
    return { allowed: isGranted(principal, access) && isAllowed(rules(), principal, access) }
  }
}

function isGranted({ grants }: Principal, access: Exclude<Access, { action: 'connect' }>): boolean {
  if (!grants) return true
  if (access.action === 'list') return grants.list
  const has = (repository: string, action: ContentAction): boolean =>
    grants.repositories.get(repository)?.has(action) ?? false
  return has(access.repository, access.action) && (access.from === undefined || has(access.from, 'pull'))
}

function isAllowed(rules: AccessRules, principal: Principal, access: Exclude<Access, { action: 'connect' }>): boolean {
  const action = access.action === 'list' ? 'pull' : access.action
  if ('isPrivate' in access && access.isPrivate && principal.kind === 'anonymous') return false
  return rules.some(
    (rule) =>
      rule.may.has(action) &&
      isFor(rule, principal) &&
      (access.repository === undefined || rule.covers(access.repository)),
  )
}

function isFor({ who }: AccessRule, principal: Principal): boolean {
  if (who === 'anyone') return true
  if (principal.kind === 'anonymous') return false
  return who === 'users' || who.has(principal.name)
}
