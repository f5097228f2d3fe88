import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { startCentre } from '../harness/centre.ts'
import { openJourney } from '../harness/journey.ts'
import { stowageCommand } from '../harness/stowage.ts'

describe('a reader who has seen enough', () => {
  it.concurrent.each(['--help', 'agent --help'])('is no trouble to: stowage %s', async (words) => {
    expect(await intoClosedPipe(words.split(' '))).toBe('ended with 141')
  })

  it.concurrent('ends what would go on watching', async (test) => {
    await using journey = await openJourney(test)
    await using centre = await startCentre({ directory: journey.at('centre') })
    expect(await intoClosedPipe(['get', 'nodes', '--watch', '--central', centre.url])).toBe('ended with 141')
  })
})

describe('output that cannot be written', () => {
  it.concurrent.each(['--help', 'mirror ls --help'])('is said, and no bug: stowage %s', async (words) => {
    const { command, args } = stowageCommand(words.split(' '))
    const said = await execa('sh', ['-c', '"$@" > /dev/full', 'sh', command, ...args], { reject: false })
    expect(said.stderr).toBe('stowage: the output cannot be written: the disk is full (ENOSPC)')
    expect(said.exitCode).toBe(1)
  })
})

/** Runs `stowage` before a program that is gone by the time it writes; returns stderr and how it ended. */
async function intoClosedPipe(words: readonly string[]): Promise<string> {
  const { command, args } = stowageCommand(words)
  const script = '{ "$@"; echo "ended with $?" >&2; } | true'
  const { stderr } = await execa('sh', ['-c', script, 'sh', command, ...args], { timeout: 60_000 })
  return stderr
}
