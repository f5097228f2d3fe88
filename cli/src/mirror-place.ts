import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { Command } from 'commander'
import { parseMirrorUrl } from './centre-store.ts'
import { dataHelp, isBucket, openDataStore, withS3Options, type DataFlags, type DataStore } from './data-store.ts'
import { caFileOption } from './network-settings.ts'
import { option, parsedBy } from './option.ts'

/** Which mirror an operator's command works on. */
export interface MirrorPlaceFlags extends Partial<DataFlags> {
  readonly mirror?: URL
  readonly mirrorTokenFile?: string
  readonly caFile?: string
}

/** A directory or bucket that is opened here, or a mirror that runs. */
export type MirrorPlace =
  | { readonly kind: 'data'; readonly flags: DataFlags }
  | {
      readonly kind: 'mirror'
      readonly url: URL
      readonly tokenFile: string | undefined
      readonly caFile: string | undefined
    }

/** Adds `--data` and `--mirror`, of which `mirrorPlaceOf` makes one place. One that is written beats one in the environment. */
export function withMirrorPlaceOptions(command: Command): Command {
  return withS3Options(command, { redirects: false })
    .addOption(option('--data <directory>', `the mirror's data, if no mirror serves it now; ${dataHelp}`))
    .addOption(option('--mirror <url>', 'a mirror that runs, as http://HOST:5080').argParser(parsedBy(parseMirrorUrl)))
    .addOption(
      option(
        '--mirror-token-file <file>',
        'a token that it takes: of its --objects-token-file, which may do everything; for gc, scrub and fsck also of its --operator-token-file',
      ),
    )
    .addOption(caFileOption())
    .hook('preAction', (_, acting) => {
      if (isWritten(acting, 'mirror')) forgetEnvironment(acting, ['data'])
      if (isWritten(acting, 'data')) forgetEnvironment(acting, ['mirror', 'mirrorTokenFile'])
    })
}

function isWritten(command: Command, key: keyof MirrorPlaceFlags): boolean {
  return command.getOptionValueSource(key) === 'cli'
}

function forgetEnvironment(command: Command, keys: readonly (keyof MirrorPlaceFlags)[]): void {
  for (const key of keys) if (command.getOptionValueSource(key) === 'env') command.setOptionValue(key, undefined)
}

/** @throws Fault invalid unless the flags name exactly one place */
export function mirrorPlaceOf({ mirror, mirrorTokenFile, caFile, data, ...s3 }: MirrorPlaceFlags): MirrorPlace {
  if (mirror && data !== undefined)
    throw new Fault('invalid', 'give --data or --mirror, not both (STOWAGE_DATA and STOWAGE_MIRROR give them, too)')
  if (mirror) return { kind: 'mirror', url: mirror, tokenFile: mirrorTokenFile, caFile }
  if (data === undefined) {
    throw new Fault('invalid', 'give --data DIRECTORY, or --mirror URL of the mirror that serves it')
  }
  if (mirrorTokenFile !== undefined) throw new Fault('invalid', '--mirror-token-file goes with --mirror URL')
  return { kind: 'data', flags: { ...s3, data } }
}

/**
 * Opens data that is there already, for a command that is to work on it.
 * @throws Fault not-found (no mirror has ever kept anything there) | conflict (a process serves it) | invalid | denied
 */
export async function openMirrorData(flags: DataFlags): Promise<DataStore> {
  if (!isBucket(flags.data) && !(await isThere(join(flags.data, 'stowage.json')))) {
    throw new Fault('not-found', `--data ${flags.data}: ${await whyNoData(flags.data)}`)
  }
  try {
    return await openDataStore(flags, { mayBeReadOnly: true })
  } catch (error) {
    if (!isFault(error, 'conflict')) throw error
    const message = `--data ${flags.data} is in use by another Stowage process: give --mirror URL of it, or stop it`
    throw new Fault('conflict', message, { cause: error })
  }
}

async function whyNoData(path: string): Promise<string> {
  try {
    const names = await readdir(path)
    if (names.length === 0) return 'the directory is empty: there is no data of a mirror'
    return `there is no data of a mirror, but other files (${names.slice(0, 3).join(', ')})`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'there is no such directory'
    return code === 'ENOTDIR' ? 'it is not a directory' : `it cannot be read (${code})`
  }
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
