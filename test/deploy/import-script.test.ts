import path from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'

const script = path.join(projectDirectory, 'deploy/site/import.sh')

requirePart('root')('the script that brings Stowage to a bare node', () => {
  it.each([
    [[], /^Usage: sh import\.sh .*a bundle is needed$/s],
    [['--socket'], /^import\.sh: --socket needs a value$/],
    [['--sockets', 'a', 'b.tar'], /there is no option --sockets$/],
    [['a.tar', 'b.tar'], /^import\.sh: one bundle at a time: a\.tar, then b\.tar$/],
    [['/nonexistent.tar'], /^import\.sh: \/nonexistent\.tar cannot be read$/],
    [['--socket', '/nonexistent.sock', script], /^import\.sh: there is no containerd at \/nonexistent\.sock; /],
  ])('says what it lacks: %j', async (args, words) => {
    const { exitCode, stderr } = await execa('sh', [script, ...args], { reject: false })
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(words)])
  })

  it('tells who asks what it does', async () => {
    expect((await execa('sh', [script, '--help'])).stdout).toContain('All images of the bundle are under their names')
  })
})
