import type { Logger } from 'pino'

const nothing = (): void => undefined

/** A log that nobody reads. */
export const silentLog = {
  isLevelEnabled: () => false,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
} as unknown as Logger
