import type { Logger } from 'pino'

const nothing = (): void => {}

/** A logger that keeps quiet. */
export const silentLog = {
  level: 'silent',
  child: () => silentLog,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
} as unknown as Logger
