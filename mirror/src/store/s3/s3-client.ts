import { S3Client } from '@aws-sdk/client-s3'

export interface BucketOptions {
  readonly bucket: string
  /** Of a service that is not AWS. */
  readonly endpoint?: URL | undefined
  /** By default what the SDK finds out; `us-east-1` with an endpoint, as most services call themselves. */
  readonly region?: string | undefined
  /** Whether the bucket is the first part of the path or of the host name. */
  readonly addressing?: 'path' | 'host' | undefined
  /** By default what the SDK finds in the environment, in profiles and roles. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** A client that knows its region, if that can be found out. */
export async function openClient(options: BucketOptions): Promise<S3Client> {
  const client = makeClient(options)
  if (!options.endpoint) return client
  try {
    await client.config.region()
    return client
  } catch {
    client.destroy()
    return makeClient({ ...options, region: 'us-east-1' })
  }
}

function makeClient({
  endpoint,
  region,
  credentials,
  addressing = endpoint ? 'path' : 'host',
}: BucketOptions): S3Client {
  // Readers hold connections for as long as they like; how many there are is for who lets them in.
  const agent = { keepAlive: true, maxSockets: Infinity }
  return new S3Client({
    ...(endpoint ? { endpoint: endpoint.href } : {}),
    ...(region === undefined ? {} : { region }),
    ...(credentials ? { credentials } : {}),
    forcePathStyle: addressing === 'path',
    // Services that are not AWS need not know the newer checksums; what is stored is checked by digest.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5000,
      requestTimeout: 120_000,
      throwOnRequestTimeout: true,
      // Of a connection on which nothing moves; reading goes on over another one.
      socketTimeout: 300_000,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
}
