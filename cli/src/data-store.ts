import { Fault } from '@stowage/mirror/oci/fault'
import { createNetworks, parseNetwork, type Network, type Networks } from '@stowage/mirror/server/networks'
import { endDeaths } from '@stowage/mirror/store/gc/end-deaths'
import { openFsStore } from '@stowage/mirror/store/fs-store'
import { isKey } from '@stowage/mirror/store/object-key'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Command } from 'commander'
import { openDataDirectory, type OpenDirectoryOptions } from './lock/data-directory.ts'
import { eachParsedBy, option, parsedBy } from './option.ts'

/** Where content is kept: in a directory, or in a bucket of an S3 service. */
export interface DataFlags {
  readonly data: string
  readonly s3Endpoint?: URL
  readonly s3Region?: string
  readonly s3Addressing?: 'path' | 'host'
  readonly s3Redirect?: readonly Network[]
}

/** What `--data` names, opened. */
export interface DataStore extends AsyncDisposable {
  readonly objects: ObjectStore
  /** Undefined if it is a bucket. */
  readonly directory: string | undefined
  /** Which clients are sent on to the bucket. */
  readonly redirects: Networks | undefined
}

/** A place in a bucket. */
export interface S3Location {
  readonly bucket: string
  /** Without a slash at its end; `''` is the root. */
  readonly prefix: string
}

export const dataHelp = 's3://BUCKET/PREFIX keeps it in a bucket; credentials come as AWS tools find them'

/** Adds what is to be said of a bucket; where clients are sent on to only for who serves some. */
export function withS3Options(command: Command, { redirects = true }: { readonly redirects?: boolean } = {}): Command {
  const redirect = option(
    '--s3-redirect <network>',
    'clients of this network, as 10.0.0.0/8, read large blobs from the bucket itself; may be repeated',
  ).argParser(eachParsedBy(parseNetwork))
  const described = command
    .addOption(
      option('--s3-endpoint <url>', 'the S3 service of the bucket, if it is not AWS').argParser(
        parsedBy(parseEndpoint),
      ),
    )
    .addOption(option('--s3-region <region>', 'the region of the bucket (default: AWS_REGION, or of the profile)'))
    .addOption(
      option(
        '--s3-addressing <style>',
        'where requests name the bucket (default: path with an endpoint, host else)',
      ).choices(['path', 'host']),
    )
  return redirects ? described.addOption(redirect) : described
}

/** Whether `--data` names a bucket. */
export function isBucket(data: string | undefined): boolean {
  return data?.startsWith('s3:') ?? false
}

/** @throws Fault invalid */
export function parseS3Location(text: string): S3Location {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/?$/.exec(text) ?? []
  const isName = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(bucket)
  if (isName && (prefix === '' || isKey(prefix))) return { bucket, prefix }
  throw new Fault('invalid', '--data: write s3://BUCKET or s3://BUCKET/PREFIX')
}

/** @throws Fault invalid */
function parseEndpoint(text: string): URL {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash) return url
  throw new Fault('invalid', 'write http://HOST:PORT or https://HOST, without user or query')
}

/**
 * Opens what `--data` names. A directory is this process's alone; a bucket may be shared.
 * @throws Fault invalid (flags that do not go together), and what opening a directory or a bucket may say
 */
export async function openDataStore(flags: DataFlags, options: OpenDirectoryOptions = {}): Promise<DataStore> {
  return isBucket(flags.data) ? await openInBucket(flags) : await openInDirectory(flags, options)
}

async function openInDirectory({ data, ...s3 }: DataFlags, options: OpenDirectoryOptions): Promise<DataStore> {
  if (s3.s3Endpoint ?? s3.s3Region ?? s3.s3Addressing ?? s3.s3Redirect) {
    throw new Fault('invalid', 'options of S3 go with --data s3://BUCKET/PREFIX')
  }
  await using opening = new AsyncDisposableStack()
  const { path } = opening.use(await openDataDirectory(data, 'mirror', options))
  const objects = opening.use(await openFsStore({ directory: path }))
  await endDeaths(objects)
  const opened = opening.move()
  return { objects, directory: path, redirects: undefined, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function openInBucket({ data, s3Endpoint, s3Region, s3Addressing, s3Redirect }: DataFlags): Promise<DataStore> {
  // Who keeps everything in a directory need not have the SDK in memory.
  const { openS3Store } = await import('@stowage/mirror/store/s3/s3-store')
  const place = { ...parseS3Location(data), endpoint: s3Endpoint, region: s3Region, addressing: s3Addressing }
  const objects = await openS3Store(place)
  return {
    objects,
    directory: undefined,
    redirects: s3Redirect && createNetworks(s3Redirect),
    [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose](),
  }
}
