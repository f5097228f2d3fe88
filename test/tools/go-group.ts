import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { CannotBeHad } from './cannot-be-had.ts'
import type { ToolGroup } from './tool-group.ts'

interface GoGroupOptions {
  /** A folder below `go/`, whose go.mod requires first what the group is named after, at its exact version. */
  readonly module: string
  /** Package paths by the names that the programs get. */
  readonly programs: Readonly<Record<string, string>>
  /** Go packages' string variables that are set when linking, from the version without its leading v. */
  readonly variables?: (version: string) => Readonly<Record<string, string>>
}

/** Programs that are built from a Go module, with everything below it at the versions in go.mod and go.sum. */
export function goGroup({ module, programs, variables = () => ({}) }: GoGroupOptions): ToolGroup {
  const directory = path.join(import.meta.dirname, 'go', module)
  const files = ['go.mod', 'go.sum'].map((name) => readFileSync(path.join(directory, name), 'utf8'))
  const [, version = ''] = /^require \S+ v(\S+)/m.exec(files[0] ?? '') ?? []
  const linking = Object.entries(variables(version)).map(([name, value]) => `-X ${name}=${value}`)
  const flags = ['-trimpath', '-ldflags', ['-s', '-w', ...linking].join(' ')]
  return {
    version,
    madeFrom: createHash('sha256')
      .update(JSON.stringify([files, flags, programs]))
      .digest('hex'),
    async install(target) {
      await needGo()
      await mkdir(target, { recursive: true })
      for (const [name, from] of Object.entries(programs)) {
        // Without cgo the programs need no library of the machine they run on.
        const env = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' }
        const args = ['build', ...flags, '-o', path.join(target, name), from]
        await execa('go', args, { cwd: directory, env, stdout: process.stderr, stderr: process.stderr })
      }
    },
  }
}

async function needGo(): Promise<void> {
  const { failed } = await execa('go', ['version'], { reject: false })
  if (failed) throw new CannotBeHad('Go 1.26 or newer is needed on PATH to build it')
}
