import type { Reason } from '../../stack/headers/reason.ts'

/** How a call ended. */
export type OutcomeKind =
  | 'Error'
  | 'Timeout'
  | 'Replaced'
  | 'LocalBye'
  | 'RemoteBye'
  | 'LocalCancel'
  | 'RemoteCancel'
  | 'Rejected'
  | 'Referred'

/** Who ended or failed a call, and why. */
export interface CallOutcome {
  readonly kind: OutcomeKind
  readonly by: 'local' | 'remote' | 'network' | 'timer'
  /** The status that refused the call, or that stands for what failed. */
  readonly status?: number
  /** What the peer, or the application, gave as Reason (RFC 3326). */
  readonly reasons: readonly Reason[]
  /** Cause of Q.850. */
  readonly cause: number
  /** Whether the peer named that cause, or it was derived from the status. */
  readonly causeFrom: 'peer' | 'status'
}

/** What is known of an end; the rest follows from it. */
export interface OutcomeParts {
  readonly kind: OutcomeKind
  readonly by: CallOutcome['by']
  readonly status?: number
  readonly reasons?: readonly Reason[]
}

/** The outcome with its cause: that of a Q.850 Reason where there is one, else the one its status stands for. */
export function outcome({ kind, by, status, reasons = [] }: OutcomeParts): CallOutcome {
  const named = reasons.find(reason => reason.protocol.toUpperCase() === 'Q.850')?.cause
  const known = status === undefined ? undefined : { status }
  if (named !== undefined) return { kind, by, ...known, reasons, cause: named, causeFrom: 'peer' }
  return { kind, by, ...known, reasons, cause: causeOf(kind, status), causeFrom: 'status' }
}

const NORMAL_CLEARING = 16
const NORMAL_UNSPECIFIED = 31
const INTERWORKING = 127

/** RFC 3398 §8.2.6.1: the ISUP cause of a SIP status. */
const causes: ReadonlyMap<number, number> = new Map([
  [400, 41],
  [401, 21],
  [402, 21],
  [403, 21],
  [404, 1],
  [405, 63],
  [406, 79],
  [407, 21],
  [408, 102],
  [410, 22],
  [413, 127],
  [414, 127],
  [415, 79],
  [416, 127],
  [420, 127],
  [421, 127],
  [423, 127],
  [480, 18],
  [481, 41],
  [482, 25],
  [483, 25],
  [484, 28],
  [485, 1],
  [486, 17],
  [488, 65],
  [500, 41],
  [501, 79],
  [502, 38],
  [503, 41],
  [504, 102],
  [505, 127],
  [513, 127],
  [600, 17],
  [603, 21],
  [604, 1],
  [606, 65],
])

function causeOf(kind: OutcomeKind, status: number | undefined): number {
  if (status !== undefined && status >= 300) return causes.get(status) ?? (status < 400 ? 23 : INTERWORKING)
  if (kind === 'Timeout') return 102
  if (kind === 'Error') return 41
  return kind === 'Rejected' ? NORMAL_UNSPECIFIED : NORMAL_CLEARING
}
