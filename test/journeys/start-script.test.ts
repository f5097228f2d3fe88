import { cp, mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { projectDirectory } from '../harness/project-directory.ts'

/** Starts a copy of the script that finds, as the Node that it looks for, one that only says how it was called. */
async function callOf(args: readonly string[]): Promise<string> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-script-'))
  const script = path.join(directory.path, 'bin/stowage')
  await cp(path.join(projectDirectory, 'cli/bin/stowage'), script)
  const bin = path.join(directory.path, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
  await mkdir(bin, { recursive: true })
  await writeFile(path.join(bin, 'node'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 })
  const { stdout } = await execa(script, args)
  return stdout.replaceAll(`${directory.path}/bin/..`, '')
}

describe('the script that starts Stowage', () => {
  const sparing = '--max-semi-space-size=1 --no-opt --no-maglev --no-sparkplug'

  it.each([
    [['agent', '--node', 'n'], `${sparing} /dist/main.js agent --node n`],
    [['--log-level', 'debug', 'agent'], `${sparing} /dist/main.js --log-level debug agent`],
    [['--log-format=json', 'agent'], `${sparing} /dist/main.js --log-format=json agent`],
    [['up', '--data', 'agent'], '/dist/main.js up --data agent'],
    [['--log-level', 'agent', 'up'], '/dist/main.js --log-level agent up'],
    [['--help'], '/dist/main.js --help'],
    [[], '/dist/main.js'],
  ])('spares memory for an agent only: %j', async (args, call) => {
    expect(await callOf(args)).toBe(call)
  })

  it('starts an agent', async () => {
    const { stdout } = await execa(path.join(projectDirectory, 'cli/bin/stowage'), ['agent', '--help'])
    expect(stdout).toContain('Usage: stowage agent')
  })
})
