import * as z from 'zod'
import { parseSettings } from '../../settings-document.ts'
import type { ContentAction } from '../authorize.ts'

/** Who may do what with which repositories. What no rule allows is not allowed. */
export type AccessRules = readonly AccessRule[]

export interface AccessRule {
  readonly covers: (repository: string) => boolean
  /** `anyone`: also without credentials; `users`: whoever has some; or these. */
  readonly who: 'anyone' | 'users' | ReadonlySet<string>
  readonly may: ReadonlySet<ContentAction>
}

const pattern = z
  .string()
  .max(255)
  .refine(isPattern, {
    message: 'not a pattern of repositories: parts of names between slashes, "*" in a part, "**" for any parts',
  })
  .transform(toMatcher)

const rule = z
  .strictObject({
    repositories: z.array(pattern).min(1),
    who: z.union([z.enum(['anyone', 'users']), z.array(z.string().min(1)).min(1)], {
      error: 'neither anyone, nor users, nor a list of names',
    }),
    may: z.array(z.enum(['pull', 'push', 'delete'])).min(1),
  })
  .transform(({ repositories, who, may }): AccessRule => ({
    covers: (repository) => repositories.some((matches) => matches(repository)),
    who: typeof who === 'string' ? who : new Set(who),
    may: new Set(may),
  }))

const document = z.strictObject({ rules: z.array(rule) })

/**
 * Reads rules from YAML or JSON.
 * @throws Fault invalid, naming each field that is wrong
 */
export function parseAccessRules(text: string): AccessRules {
  return parseSettings(text, document).rules
}

/** Without a file of rules: users may do everything, and others pull where that is allowed to all. */
export function simpleRules({ anonymousPull }: { readonly anonymousPull: boolean }): AccessRules {
  const covers = (): boolean => true
  const users: AccessRule = { covers, who: 'users', may: new Set(['pull', 'push', 'delete']) }
  return anonymousPull ? [users, { covers, who: 'anyone', may: new Set(['pull']) }] : [users]
}

function isPattern(text: string): boolean {
  return text.split('/').every((part) => part === '**' || /^(?!.*\*\*)[a-z0-9._*-]+$/.test(part))
}

function toMatcher(text: string): (repository: string) => boolean {
  const source = text
    .split('/')
    .map((part) => (part === '**' ? '.+' : part.replaceAll('.', '\\.').replaceAll('*', '[^/]*')))
    .join('/')
  const grammar = new RegExp(`^${source}$`)
  return (repository) => grammar.test(repository)
}
