import { Fault } from '../../oci/fault.ts'
import { connectionFault } from '../../registry/connection-fault.ts'

export interface BucketPlace {
  readonly bucket: string
  /** Where the service is: of an endpoint, or the name of AWS. */
  readonly host: string
}

const denied = 'look at the access key, its secret and the policy of the bucket'

/** What the service's own codes mean to the person who reads about them. */
const advices: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket; make it, or look at --data and --s3-endpoint',
  InvalidAccessKeyId: 'the access key is not known there; look at the credentials of this process',
  XAdminUserNotFound: 'the access key is not known there; look at the credentials of this process',
  SignatureDoesNotMatch: 'the secret does not belong to the access key; look at the credentials of this process',
  AccessDenied: `access is denied; ${denied}`,
  ExpiredToken: 'the credentials have expired; renew them',
  InvalidToken: 'the session token is not valid; renew the credentials',
  RequestTimeTooSkewed: 'the clock of this machine is wrong, or that of the service',
  AuthorizationHeaderMalformed: 'the region is wrong; name that of the bucket with --s3-region',
  PermanentRedirect: 'the bucket is in another region; name it with --s3-region',
  IllegalLocationConstraintException: 'the bucket is in another region; name it with --s3-region',
  InvalidBucketName: 'that is not the name of a bucket',
  CredentialsProviderError:
    'there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run with a role',
  SlowDown: 'the service asks to be asked less often',
  TimeoutError: 'no answer in time',
}

const untrusted = /^(?:.*SELF_SIGNED_CERT.*|UNABLE_TO_.*|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|INVALID_CA)$/
const full = /^(?:InsufficientStorage|QuotaExceeded|.*StorageFull|.*QuotaExceeded)$/

interface ServiceError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
}

/** Whether the service answered with one of these codes. */
export function isServiceError(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}

/** The status that the service answered with, if it did. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error ? (error as ServiceError).$metadata?.httpStatusCode : undefined
}

/**
 * What an error of the SDK means: Fault unavailable or no-space. What the service wrote is not repeated: with a wrong
 * signature it tells the access key and all that was signed. Anything else is given back as it is.
 */
export function bucketFault(error: unknown, { bucket, host }: BucketPlace): unknown {
  if (!(error instanceof Error) || error instanceof Fault) return error
  const { name } = error
  const where = `bucket ${bucket} at ${host}`
  const status = statusOf(error)
  const advice = adviceOf(error)
  if (advice !== undefined) return new Fault('unavailable', `${where}: ${advice} (${name})`, { cause: bare(error) })
  if (error.message === 'Region is missing') {
    return new Fault('invalid', `${where}: no region is known; name it with --s3-region or AWS_REGION`)
  }
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (untrusted.test(code)) {
    const message = `${where}: its certificate is not trusted (${code}); name the certificate of its authority in NODE_EXTRA_CA_CERTS`
    return new Fault('unavailable', message, { cause: bare(error) })
  }
  if (status === 507 || full.test(name)) {
    return new Fault('no-space', `${where}: the service has no more room (${name})`, { cause: bare(error) })
  }
  if (status === 401 || status === 403) {
    return new Fault('unavailable', `${where}: access is denied (${status}); ${denied}`, { cause: bare(error) })
  }
  if (status !== undefined) {
    return new Fault('unavailable', `${where}: the service answered ${status} (${name})`, { cause: bare(error) })
  }
  return connectionFault(error, host)
}

/** A connection that broke is a timeout to the SDK, too; its code says more. */
function adviceOf(error: Error): string | undefined {
  return 'code' in error ? undefined : advices[error.name]
}

/** Only what is sure to hold no credentials. */
function bare(error: ServiceError): Error {
  const { httpStatusCode = '', requestId = '' } = error.$metadata ?? {}
  return new Error(`${error.name} ${httpStatusCode} ${requestId}`.trim())
}
