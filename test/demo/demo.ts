import { DemoFailure, Interrupted } from './demo-failure.ts'
import { parseDemoOptions, usage, UsageError } from './demo-options.ts'
import { runDemo } from './run-demo.ts'
import { createScreen } from './screen.ts'

const startedAt = performance.now()
const elapsedMs = (): number => performance.now() - startedAt
const stop = new AbortController()
// Never taken off: npm hands on the Ctrl-C that the terminal has sent already, and cleaning up must not be cut short.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () =>
    stop.abort(new Interrupted(`interrupted by ${name}: everything is stopped, nothing is left behind`)),
  )
}

try {
  const options = parseDemoOptions(process.argv.slice(2))
  if (options.kind === 'help') console.log(usage)
  else
    await runDemo({ options, screen: createScreen({ out: process.stdout, elapsedMs }), elapsedMs, signal: stop.signal })
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : messageOf(error))
  process.exitCode = error instanceof Interrupted ? 130 : error instanceof UsageError ? 2 : 1
}
// The story is over, whatever somebody forgot to close; programs that are left are killed by their exit hooks.
process.exit()

function messageOf(error: unknown): string {
  if (error instanceof Interrupted || error instanceof DemoFailure) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
