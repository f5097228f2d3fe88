import { Fault } from '@stowage/mirror/oci/fault'

/** The pace of an election, in milliseconds, with the meanings that Kubernetes' own components have. */
export interface LeaseTiming {
  /** So long after they last saw it change the others leave a Lease to its holder. */
  readonly leaseDurationMs: number
  /** A holder that could not renew it for so long gives up. */
  readonly renewDeadlineMs: number
  /** Between two tries. */
  readonly retryPeriodMs: number
}

/**
 * Refuses what would let two lead at a time, or nobody for long.
 * @throws Fault invalid
 */
export function checkTiming({ leaseDurationMs, renewDeadlineMs, retryPeriodMs }: LeaseTiming): void {
  if (leaseDurationMs < 1000 || leaseDurationMs % 1000 !== 0) {
    throw new Fault('invalid', '--leader-elect-lease-duration must be whole seconds, and at least one')
  }
  if (renewDeadlineMs >= leaseDurationMs) {
    throw new Fault('invalid', '--leader-elect-renew-deadline must be shorter than --leader-elect-lease-duration')
  }
  if (retryPeriodMs <= 0 || retryPeriodMs * 1.2 >= renewDeadlineMs) {
    throw new Fault('invalid', '--leader-elect-retry-period must be well below --leader-elect-renew-deadline')
  }
}
