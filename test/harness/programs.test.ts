import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from './free-port.ts'
import { createPrograms } from './programs.ts'

const programs = createPrograms()
afterEach(() => programs.stopAll())

const script = (source: string): ['-e', string] => ['-e', source]
const run = (source: string, options = {}) => programs.start(process.execPath, script(source), options)
const untilKilled = 'setInterval(() => {}, 1000);'

describe('a started program', () => {
  it('gives its lines, those of stderr too, also to who waits later', async () => {
    const program = run(`console.log('one'); console.error('two=2'); ${untilKilled}`)
    expect((await program.waitForLine(/two=(\d)/))[1]).toBe('2')
    expect(await program.waitForLine(/^one$/)).toBeTruthy()
    expect(program.lines()).toHaveLength(2)
  })

  it('shows only new lines to who asks for those', async () => {
    const program = run(`process.stdin.on('data', (text) => console.log('got ' + text))`)
    program.writeLine('a')
    await program.waitForLine(/got/)
    const after = program.lineCount()
    const next = program.waitForLine(/got (.)/, { after })
    program.writeLine('b')
    expect((await next)[1]).toBe('b')
  })

  it('fails who waits when it ends, with its last words', async () => {
    const program = run(`console.log('port taken'); process.exitCode = 3`)
    await expect(program.waitForLine(/ready/)).rejects.toThrow(/ended without[^]*port taken/)
    expect(await program.exited).toEqual({ code: 3, signal: null })
    expect(program.isRunning()).toBe(false)
  })

  it('fails who waits when the time is over', async () => {
    await expect(run(untilKilled).waitForLine(/ready/, { withinMs: 50 })).rejects.toThrow('did not write within 50 ms')
  })

  it('says that it could not be started', async () => {
    const program = programs.start('/nonexistent/program', [])
    await expect(program.waitForLine(/ready/)).rejects.toThrow('ENOENT')
    expect(await program.exited).toEqual({ code: 127, signal: null })
  })

  it('is killed with the signal that was asked for', async () => {
    const program = run(`console.log('up'); ${untilKilled}`)
    await program.waitForLine(/up/)
    expect(await program.kill()).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await program.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('may end in its own way when it is stopped', async () => {
    const program = run(`process.once('SIGTERM', () => process.exit(7)); console.log('up'); ${untilKilled}`)
    await program.waitForLine(/up/)
    expect(await program.stop()).toEqual({ code: 7, signal: null })
  })

  it('writes all it says to a file, a restarted one behind it', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-programs-'))
    const outputFile = path.join(directory.path, 'log')
    await run(`console.log('first')`, { outputFile }).exited
    await run(`console.error('second')`, { outputFile }).exited
    expect(await readFile(outputFile, 'utf8')).toBe('first\nsecond\n')
  })
})

describe('programs', () => {
  it('are all gone after stopAll', async () => {
    const two = [run(untilKilled), run(untilKilled)]
    await programs.stopAll()
    expect(two.map((program) => program.isRunning())).toEqual([false, false])
    expect(programs.running()).toEqual([])
  })

  it('include stowage itself, run from its sources', async () => {
    const stowage = programs.stowage(['--version'])
    expect(await stowage.waitForLine(/^\d+\.\d+\.\d+/)).toBeTruthy()
    expect(await stowage.exited).toEqual({ code: 0, signal: null })
  })
})

describe('a free port', () => {
  it('has nobody behind it', async () => {
    const socket = connect(await freePort(), '127.0.0.1')
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve))
    expect(error.code).toBe('ECONNREFUSED')
  })
})
