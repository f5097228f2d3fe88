import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { projectDirectory } from '../harness/project-directory.ts'

const refused = [
  ['mirror/src/store/a.ts', "import { x } from '@stowage/controller/plan/sets'"],
  ['mirror/src/store/b.ts', "import { x } from '@stowage/node-agent/plan/diff'"],
  ['mirror/src/store/c.ts', "import { x } from 'stowage/print/table'"],
  ['mirror/src/store/d.ts', "import { x } from '@stowage/mirror/oci/digest'"],
  ['mirror/src/store/e.ts', "import { x } from '../../../controller/src/plan/sets.ts'"],
  ['mirror/src/store/f.ts', "import { x } from 'better-sqlite3'"],
  ['mirror/src/store/g.ts', "import { x } from 'pino'"],
  ['mirror/src/store/h.ts', "export { x } from '@stowage/controller/plan/sets'"],
  ['mirror/src/store/i.ts', "import { x } from '@stowage/test/harness/image'"],
  ['mirror/src/store/j.test.ts', "import { x } from '../../../test/harness/image.ts'"],
  ['mirror/src/store/k.test.ts', "import { x } from '@stowage/controller/plan/sets'"],
  ['mirror/src/store/l.ts', "import { x } from '@aws-sdk/client-s3'"],
  ['cli/src/commands/d.ts', "import { x } from '@aws-sdk/client-s3'"],
  ['controller/src/reconcile.ts', "import { x } from '@stowage/node-agent/plan/diff'"],
  ['controller/src/a.ts', "import type { X } from '@stowage/node-agent/plan/diff'"],
  ['controller/src/b.ts', "import { x } from '../../node-agent/src/plan/diff.ts'"],
  ['controller/src/c.ts', "import { x } from '../../mirror/src/oci/digest.ts'"],
  ['controller/src/d.ts', "import { x } from 'better-sqlite3'"],
  ['node-agent/src/sync.ts', "import { x } from '@stowage/controller/plan/sets'"],
  ['node-agent/src/a.ts', "import { x } from '../../controller/src/plan/sets.ts'"],
  ['node-agent/src/transfer/a.ts', "import { x } from 'better-sqlite3'"],
  ['node-agent/src/b.ts', "import { x } from 'stowage/config'"],
  ['node-agent/src/c.test.ts', "import { x } from 'better-sqlite3'"],
  ['mirror/src/oci/a.ts', "import { x } from 'node:fs/promises'"],
  ['mirror/src/oci/b.ts', "import { x } from 'fs'"],
  ['mirror/src/oci/c.ts', "import { x } from '../store/content.ts'"],
  ['mirror/src/edge/a.ts', "import { x } from 'tar-stream'"],
  ['mirror/src/edge/b.ts', "import { x } from 'node:timers/promises'"],
  ['mirror/src/edge/c.ts', "import { x } from '@stowage/controller/plan/sets'"],
  ['controller/src/plan/a.ts', "import { x } from 'fastify'"],
  ['controller/src/plan/b.ts', "import type { Logger } from 'pino'"],
  ['controller/src/plan/c.ts', "import { x } from '@stowage/mirror/store/content'"],
  ['node-agent/src/plan/a.ts', "import { x } from 'node:child_process'"],
  ['node-agent/src/plan/b.ts', "import { x } from 'better-sqlite3'"],
  ['node-agent/src/plan/c.ts', "import { x } from 'node:net'"],
  ['node-agent/src/plan/d.ts', "import { x } from 'node:http'"],
  ['cli/src/commands/a.ts', "import { x } from '../main.ts'"],
  ['cli/src/commands/b.ts', "import { x } from 'better-sqlite3'"],
  ['cli/src/commands/c.ts', "import { x } from '../../../mirror/src/oci/digest.ts'"],
  ['test/journeys/a.ts', "import { x } from 'stowage/main'"],
  ['test/journeys/b.ts', "import { x } from '../../cli/src/print/table.ts'"],
] as const

const allowed = [
  ['mirror/src/oci/ok.ts', "import { x } from 'node:crypto'"],
  ['mirror/src/oci/ok.test.ts', "import { x } from 'node:fs/promises'"],
  ['mirror/src/edge/ok.ts', "import { x } from '../oci/digest.ts'"],
  ['mirror/src/store/ok.ts', "import { x } from 'node:fs/promises'"],
  ['mirror/src/store/ok-log.ts', "import type { Logger } from 'pino'"],
  ['mirror/src/store/s3/ok.ts', "import { x } from '@aws-sdk/client-s3'"],
  ['mirror/src/store/ok.test.ts', "import { x } from 'pino'"],
  ['controller/src/ok.ts', "import { x } from '@stowage/mirror/store/content'"],
  ['controller/src/plan/ok.ts', "import { x } from '@stowage/mirror/edge/set'"],
  ['controller/src/plan/ok-type.ts', "import type { X } from '@stowage/mirror/store/content'"],
  ['node-agent/src/ok.ts', "import { x } from '@stowage/mirror/registry/client'"],
  ['node-agent/src/state/ok.ts', "import { x } from 'better-sqlite3'"],
  ['node-agent/src/state/ok.test.ts', "import { x } from 'better-sqlite3'"],
  ['cli/src/ok.ts', "import { x } from '@stowage/node-agent/sync'"],
  ['cli/src/main.ts', "import { x } from '@stowage/controller/reconcile'"],
  ['cli/src/lock/ok.ts', "import { x } from 'better-sqlite3'"],
  ['cli/src/ok-log.ts', "import { x } from 'pino'"],
  ['test/journeys/ok.ts', "import { x } from 'stowage/print/table'"],
  ['test/journeys/ok-room.ts', "import { x } from '@stowage/node-agent/sync'"],
] as const

const rooms = ['mirror', 'controller', 'node-agent', 'cli', 'test']

const lintReport = z.object({
  diagnostics: z.array(z.object({ code: z.string().optional(), filename: z.string() })),
})

describe('the lint rule between the rooms', () => {
  let directory: string
  let refusedFiles: Set<string>

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'stowage-walls-'))
    await cp(path.join(projectDirectory, 'oxlint.config.ts'), path.join(directory, 'oxlint.config.ts'))
    await symlink(path.join(projectDirectory, 'node_modules'), path.join(directory, 'node_modules'))
    await Promise.all([...refused, ...allowed].map(([file, source]) => writeSource(path.join(directory, file), source)))
    refusedFiles = await filesRefusedBy(directory)
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it.each(refused)('refuses in %s: %s', (file) => {
    expect(refusedFiles).toContain(file)
  })
  it.each(allowed)('accepts in %s: %s', (file) => {
    expect(refusedFiles).not.toContain(file)
  })
})

async function writeSource(file: string, source: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, `${source}\n`)
}

async function filesRefusedBy(cwd: string): Promise<Set<string>> {
  const { stdout } = await execa('oxlint', ['--format=json', ...rooms], {
    cwd,
    preferLocal: true,
    localDir: projectDirectory,
    reject: false,
  })
  const { diagnostics } = lintReport.parse(JSON.parse(stdout))
  return new Set(diagnostics.filter(({ code }) => code?.includes('no-restricted-imports')).map((d) => d.filename))
}
