import type { PoolEngine } from './engine.ts'

export interface RtpEnginePoolMetrics {
  /** Calls whose engine is known. */
  readonly calls: number
  /** Attempts at a new call that an engine failed, so that the next one got it. */
  readonly failovers: number
  /** New calls that no engine was there for. */
  readonly withoutEngine: number
  /** Calls forgotten because there were too many. */
  readonly forgotten: number
  readonly engines: readonly {
    readonly url: string
    readonly weight: number
    readonly healthy: boolean
    readonly calls: number
    readonly opened: number
    readonly downs: number
    readonly roundTrip: number | undefined
    readonly requests: number
    readonly timeouts: number
    /** Calls that it may have opened too late and that are still to be deleted there. */
    readonly abandoned: number
    /** Those that were deleted, and those that were too many to be remembered. */
    readonly abandonedDeleted: number
    readonly abandonedForgotten: number
  }[]
}

export function engineMetrics(engine: PoolEngine): RtpEnginePoolMetrics['engines'][number] {
  const { url, weight, healthy, calls, opened, downs, roundTrip, client, abandoned } = engine
  const { requests, timeouts } = client.counters
  const { size, deleted, forgotten } = abandoned
  return {
    ...{ url, weight, healthy, calls, opened, downs, roundTrip, requests, timeouts },
    ...{ abandoned: size, abandonedDeleted: deleted, abandonedForgotten: forgotten },
  }
}
