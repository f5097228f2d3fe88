import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'

const script = fileURLToPath(new URL('bench.ts', import.meta.url))

interface Printed {
  readonly scenarios: {
    readonly name: string
    readonly measured: { readonly figures: Readonly<Record<string, { readonly figures: number[] }>> }[]
  }[]
}

async function run(names: readonly string[]): Promise<Printed['scenarios']> {
  const args = ['--conditions=source', script, ...names, '--size', 'small', '--rounds', '1', '-o', 'json']
  const { stdout } = await execa(process.execPath, args, { cwd: path.dirname(script) })
  return (JSON.parse(stdout) as Printed).scenarios
}

function eachFoundSomething(scenarios: Printed['scenarios'], names: readonly string[]): void {
  expect(scenarios.map(({ name }) => name)).toEqual(names)
  for (const { measured } of scenarios) {
    expect(measured.length).toBeGreaterThan(0)
    for (const { figures } of measured) expect(figures['stowage']?.figures).toHaveLength(1)
  }
}

requirePart(
  'docker-registry',
  'skopeo',
  'wrk',
)('the benchmarks', () => {
  it('run, each of them, and say what they found', async () => {
    const names = ['copy', 'manifests', 'blobs', 'readers', 'push', 'pull-through', 'many-blobs', 'memory']
    eachFoundSomething(await run(names), names)
  })
})

requirePart(
  'containerd',
  'containerd-2',
  'debian',
  'docker-registry',
)('the benchmarks of containerd', () => {
  it('run, each of them, and say what they found', async () => {
    const names = ['agent-memory', 'containerd', 'containerd-2']
    eachFoundSomething(await run(names), names)
  })
})
