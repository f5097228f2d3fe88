import { access } from 'node:fs/promises'
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

/** Adds `--data` and `--mirror`, of which `mirrorPlaceOf` makes one place. */
export function withMirrorPlaceOptions(command: Command): Command {
  return withS3Options(command, { redirects: false })
    .addOption(option('--data <directory>', `the mirror's data, if no mirror serves it now; ${dataHelp}`))
    .addOption(option('--mirror <url>', 'a mirror that runs, as http://HOST:5080').argParser(parsedBy(parseMirrorUrl)))
    .addOption(
      option(
        '--mirror-token-file <file>',
        "the token that the mirror's --objects-token-file holds: it may do everything",
      ),
    )
    .addOption(caFileOption())
}

/** @throws Fault invalid unless the flags name exactly one place */
export function mirrorPlaceOf({ mirror, mirrorTokenFile, caFile, data, ...s3 }: MirrorPlaceFlags): MirrorPlace {
  if (mirror && data !== undefined) throw new Fault('invalid', 'give --data or --mirror, not both')
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
    throw new Fault('not-found', `--data ${flags.data}: there is no data of a mirror`)
  }
  try {
    return await openDataStore(flags)
  } catch (error) {
    if (!isFault(error, 'conflict')) throw error
    const message = `--data ${flags.data} is in use by another Stowage process: give --mirror URL of it, or stop it`
    throw new Fault('conflict', message, { cause: error })
  }
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
