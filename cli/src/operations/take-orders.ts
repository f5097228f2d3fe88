import type { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { operationsRoutes } from '@stowage/mirror/server/operations/operations-routes'
import type { OfferedOperation } from '@stowage/mirror/operations/operation'
import type { Option } from 'commander'
import type { Logger } from 'pino'
import { option } from '../option.ts'
import { openTokenFile, type TokenFile } from '../token-file.ts'

export interface OrderFlags {
  readonly operatorTokenFile?: string
}

/** `--operator-token-file`, of every process that keeps a store. */
export function operatorTokenOption(): Option {
  return option(
    '--operator-token-file <file>',
    'let "stowage mirror gc", "scrub" and "fsck" work on the store of this process: for who shows this token (default: nobody)',
  )
}

export interface OrdersOptions {
  readonly operations: readonly OfferedOperation[]
  /** Tokens that may do more, and this too. */
  readonly alsoTaken?: readonly TokenFile[]
  readonly log: Logger
}

/**
 * Carries operations out for who shows one of the tokens, if there is any.
 * @throws Fault as `openTokenFile`
 */
export async function takeOrders(
  app: ReturnType<typeof createMirrorServer>,
  { operatorTokenFile: path }: OrderFlags,
  { operations, alsoTaken = [], log }: OrdersOptions,
): Promise<void> {
  const own = path === undefined ? [] : [await openTokenFile({ flag: '--operator-token-file', path, log })]
  const files = [...alsoTaken, ...own]
  if (files.length === 0) return
  const tokens = async (): Promise<readonly string[]> => (await Promise.all(files.map((file) => file.tokens()))).flat()
  await app.register(operationsRoutes, { operations, tokens, log })
}
