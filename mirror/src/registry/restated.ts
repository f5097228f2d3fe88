import { Fault } from '../oci/fault.ts'

/** The same fault in other words, with the first one as its cause. */
export function restated(fault: Fault, message: string): Fault {
  const { code, details, retryAfterMs } = fault
  return new Fault(code, message, { cause: fault, details, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}
