import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { projectDirectory } from '../harness/project-directory.ts'

/** Loads what `stowage agent` loads at its start, and prints where it came from. */
const program = `
import { registerHooks } from 'node:module'
const urls = []
registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) })
await import('stowage/program')
await import('stowage/commands/agent')
await import('@stowage/node-agent/runtime/containerd/containerd-runtime')
console.log(JSON.stringify([...urls, ...process.moduleLoadList]))
`

it('an agent keeps nothing in memory that only a centre needs, nor a second HTTP client', async () => {
  const args = ['--conditions=source', '--input-type=module', '--eval', program]
  const { stdout } = await execa(process.execPath, args, { cwd: path.join(projectDirectory, 'test') })
  const loaded = JSON.parse(stdout) as string[]
  const found = (pattern: RegExp): string[] => loaded.filter((name) => pattern.test(name))
  expect(found(/node-agent\/src\/agent\.ts$/)).not.toEqual([])
  expect(found(/\/controller\/src\/(?!api\/)|\/mirror\/src\/(?:server|store\/(?!file-system)|bundle)\//)).toEqual([])
  expect(found(/node_modules\/(?:fastify|yaml|tar-stream|undici|prom-client|@opentelemetry)\/|deps\/undici/)).toEqual(
    [],
  )
})
