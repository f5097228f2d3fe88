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

requirePart(
  'docker-registry',
  'skopeo',
  'wrk',
)('the benchmarks', () => {
  it('run, each of them, and say what they found', async () => {
    const args = ['--conditions=source', script, '--size', 'small', '--rounds', '1', '-o', 'json']
    const { stdout } = await execa(process.execPath, args, { cwd: path.dirname(script) })
    const { scenarios } = JSON.parse(stdout) as Printed
    expect(scenarios.map(({ name }) => name)).toEqual(['copy', 'manifests', 'blobs', 'readers', 'memory'])
    for (const { measured } of scenarios) {
      expect(measured.length).toBeGreaterThan(0)
      for (const { figures } of measured) expect(figures['stowage']?.figures).toHaveLength(1)
    }
  })
})
