import { readFile } from 'node:fs/promises'
import { CommanderError } from 'commander'
import { z } from 'zod'
import type { CommandContext, GlobalOptions } from './command-context.ts'
import { exitCodeOf, explain, unwrittenOutput } from './failure.ts'
import { withGoFlags } from './kube-fledged-flags.ts'
import { createLogger } from './logger.ts'
import { createProgram } from './program.ts'

const packageJson = z
  .object({ version: z.string() })
  .parse(JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')))

const stop = new AbortController()
let signalled = false
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // A second signal means now.
    if (signalled) process.exit(130)
    signalled = true
    stop.abort()
  })
}
let isUnwritten = false
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (isUnwritten) return
    // It ends at once, but closes what is open.
    isUnwritten = true
    const { said, exitCode } = unwrittenOutput(error)
    if (stream === process.stdout) process.stderr.write(said)
    process.exitCode = exitCode
    stop.abort()
  })
}

const args = withGoFlags(process.argv.slice(2))
const context: CommandContext = {
  version: packageJson.version,
  signal: stop.signal,
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  log: (to = 'stdout') => {
    const { logLevel, logFormat } = program.opts<GlobalOptions>()
    return createLogger({ level: logLevel, format: logFormat, to })
  },
}
const program = await createProgram(context, args)

try {
  await program.parseAsync(args, { from: 'user' })
} catch (error) {
  const ending = { interrupted: stop.signal.aborted }
  if (!(error instanceof CommanderError) && !isUnwritten) process.stderr.write(explain(error, ending))
  process.exitCode ??= exitCodeOf(error, ending)
}
