import { EnvironmentError, PeerError } from '../../util/errors.ts'
import { printable } from '../../util/log.ts'

/** No reply came in time. The engine may have done what was asked: a `delete` of the call is the safe next step. */
export class RtpEngineTimeoutError extends EnvironmentError {
  readonly engine: string
  readonly command: string
  /** Milliseconds that were waited. */
  readonly timeout: number

  constructor(engine: string, command: string, timeout: number) {
    super(
      'ERR_RTPENGINE_TIMEOUT',
      `rtpengine at ${engine} did not answer "${command}" within ${timeout} ms; see that it runs and that a firewall lets NG pass`,
    )
    this.engine = engine
    this.command = command
    this.timeout = timeout
  }
}

/**
 * The engine answered that it will not. `reason` is its own text as it came, made safe to show in the message only; `code` is `ERR_RTPENGINE_LOAD_LIMIT` where it is
 * only too busy (asked for with the option `loadLimit`), so that another engine may be tried.
 */
export class RtpEngineRefusedError extends PeerError {
  readonly engine: string
  readonly command: string
  readonly reason: string

  constructor(code: string, engine: string, command: string, reason: string) {
    super(code, `rtpengine at ${engine} refused "${command}": ${printable(reason)}`)
    this.engine = engine
    this.command = command
    this.reason = reason
  }
}

/** The engine's reply cannot be read, or lacks what the command must answer. */
export class RtpEngineReplyError extends PeerError {
  readonly engine: string
  readonly command: string

  constructor(engine: string, command: string, problem: string) {
    super(
      'ERR_RTPENGINE_REPLY',
      `rtpengine at ${engine} sent a malformed reply to "${command}": ${printable(problem)}`,
    )
    this.engine = engine
    this.command = command
  }
}

/**
 * The way to the engine failed: no connection, a connection lost, too many requests waiting, or the client was closed.
 * `code` is the system's where it has one (`ECONNREFUSED`), else `ERR_RTPENGINE_CLOSED`, `ERR_RTPENGINE_BUSY`,
 * `ERR_RTPENGINE_NO_ENGINE` or `ERR_RTPENGINE_HTTP`.
 */
export class RtpEngineCarrierError extends EnvironmentError {
  readonly engine: string

  constructor(code: string, engine: string, problem: string, options?: ErrorOptions) {
    super(code, `rtpengine at ${engine}: ${problem}`, options)
    this.engine = engine
  }
}

/** Whatever a request to an engine can be rejected with, apart from the reason of an AbortSignal. */
export type RtpEngineError =
  | RtpEngineTimeoutError
  | RtpEngineRefusedError
  | RtpEngineReplyError
  | RtpEngineCarrierError
