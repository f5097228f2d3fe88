import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { projectDirectory } from '../harness/project-directory.ts'

/** Loads modules as a command does at its start, and tells where all that came with them came from. */
async function loadedWith(...modules: string[]): Promise<(pattern: RegExp) => string[]> {
  const program = `
import { registerHooks } from 'node:module'
const urls = []
registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) })
for (const name of ${JSON.stringify(modules)}) await import(name)
console.log(JSON.stringify([...urls, ...process.moduleLoadList]))
`
  const args = ['--conditions=source', '--input-type=module', '--eval', program]
  const { stdout } = await execa(process.execPath, args, { cwd: path.join(projectDirectory, 'test') })
  const loaded = JSON.parse(stdout) as string[]
  return (pattern) => loaded.filter((name) => pattern.test(name))
}

it('an agent keeps nothing in memory that only a centre needs, nor a second HTTP client', async () => {
  const runtime = '@stowage/node-agent/runtime/containerd/containerd-runtime'
  const found = await loadedWith('stowage/program', 'stowage/commands/agent', runtime)
  expect(found(/node-agent\/src\/agent\.ts$/)).not.toEqual([])
  expect(found(/\/controller\/src\/(?!api\/)|\/mirror\/src\/(?:server|store\/(?!file-system)|bundle)\//)).toEqual([])
  expect(
    found(
      /node_modules\/(?:@aws-sdk|@smithy|fastify|yaml|tar-stream|undici|prom-client|@opentelemetry)\/|deps\/undici/,
    ),
  ).toEqual([])
})

it('who keeps everything in a directory has nothing of S3 in memory', async () => {
  const found = await loadedWith('stowage/commands/mirror', 'stowage/commands/up', 'stowage/commands/controller')
  expect(found(/\/cli\/src\/data-store\.ts$/)).not.toEqual([])
  expect(found(/node_modules\/(?:@aws-sdk|@smithy)\//)).toEqual([])
})
