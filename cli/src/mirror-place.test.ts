import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  mirrorPlaceOf,
  openMirrorData,
  withMirrorPlaceOptions,
  type MirrorPlace,
  type MirrorPlaceFlags,
} from './mirror-place.ts'

afterEach(() => vi.unstubAllEnvs())

/** What these flags mean in this environment. */
function placeOf(words: readonly string[], env: Readonly<Record<string, string>>): MirrorPlace {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  let place: MirrorPlace | undefined
  const command = withMirrorPlaceOptions(new Command('ls'))
  command.action((flags: MirrorPlaceFlags) => void (place = mirrorPlaceOf(flags)))
  command.parse(words, { from: 'user' })
  return place!
}

describe('which mirror is meant', () => {
  it('is said by a flag before the environment', () => {
    const atMirror = placeOf(['--mirror', 'http://x'], { STOWAGE_DATA: './registry' })
    expect(atMirror).toMatchObject({ kind: 'mirror', url: new URL('http://x') })
    const onData = placeOf(['--data', 'x'], { STOWAGE_MIRROR: 'http://x', STOWAGE_MIRROR_TOKEN_FILE: 'token' })
    expect(onData).toMatchObject({ kind: 'data', flags: { data: 'x' } })
  })

  it('may be said by the environment alone', () => {
    expect(placeOf([], { STOWAGE_DATA: './registry' })).toMatchObject({ kind: 'data', flags: { data: './registry' } })
  })

  it.each([
    [['--mirror', 'http://x', '--data', 'x'], {}],
    [[], { STOWAGE_DATA: 'x', STOWAGE_MIRROR: 'http://x' }],
  ])('must be one: %j in %j', (words, env) => {
    expect(() => placeOf(words, env)).toThrow(/--data or --mirror, not both.*STOWAGE_DATA/)
  })
})

it('says why data cannot be those of a mirror', async () => {
  await using parent = await mkdtempDisposable(join(tmpdir(), 'stowage-place-'))
  const at = (name: string): string => join(parent.path, name)
  await mkdir(at('empty'))
  await writeFile(at('file'), '')
  const open = (path: string) => openMirrorData({ data: path })
  await expect(open(at('nope'))).rejects.toThrow(/nope: there is no such directory$/)
  await expect(open(at('file'))).rejects.toThrow(/file: it is not a directory$/)
  await expect(open(at('empty'))).rejects.toThrow(/empty: the directory is empty/)
  await expect(open(parent.path)).rejects.toThrow(
    /: there is no data of a mirror, but other files \((empty, file|file, empty)\)$/,
  )
})
