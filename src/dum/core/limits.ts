import { UsageError } from '../../util/errors.ts'

/** What bounds that which others can make a DialogUsageManager keep. */
export interface DumLimits {
  /** Dialogs at a time; one more request that would make one is answered 503 with Retry-After. */
  readonly maxDialogs: number
  /** Forks of one call of ours; the dialog of one more is ended at once. */
  readonly maxForks: number
  /** Publications that are kept for others; one more is answered 503 with Retry-After. */
  readonly maxPublications: number
  /** Octets of a body; a larger one is answered 413. */
  readonly maxBody: number
  /** Events, and requests of ours, that may wait in one session. */
  readonly maxWaiting: number
}

const defaultLimits: DumLimits = {
  maxDialogs: 200_000,
  maxForks: 32,
  maxPublications: 100_000,
  maxBody: 65_536,
  maxWaiting: 32,
}

/** @throws UsageError where one is no number of 0 or more */
export function checkedLimits(limits: Partial<DumLimits> = {}): DumLimits {
  const all = { ...defaultLimits, ...limits }
  for (const [name, value] of Object.entries(all)) {
    if (!(typeof value === 'number' && value >= 0))
      throw new UsageError('ERR_SIP_LIMIT', `limits.${name} is ${value}; a number of 0 or more is needed`)
  }
  return all
}
