import { Fault } from '@stowage/mirror/oci/fault'

/** Says in front of what a fault says where the mistake was written: which flag, which field. */
export async function naming<T>(where: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new Fault(cause.code, `${where}: ${cause.message}`, { cause })
  }
}
