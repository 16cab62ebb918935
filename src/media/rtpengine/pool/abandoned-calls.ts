import { PeerError } from '../../../util/errors.ts'
import type { RtpEngineClient } from '../client.ts'
import type { NgKeys } from '../keys.ts'

interface Abandoned {
  readonly callId: string
  readonly fromTag: string | undefined
  /** Cuts the `delete` short that is under way. */
  cut: AbortController | undefined
}

/** Characters of all Call-IDs and tags that are remembered. */
const MAX_LENGTHS = 4 * 1024 * 1024
/** Deletes that are under way to one engine at a time: it has just come back, and has calls to serve. */
const AT_ONCE = 16

/**
 * The calls that one engine may have opened although it was given up: it was slow, or went down, and another has them
 * now. As soon as it shows life they are deleted there, for nobody would ever end them otherwise.
 */
export class AbandonedCalls {
  /** Calls that were deleted at last. */
  deleted = 0
  /** Calls that were dropped because there were too many; the engine ends them by its own time-out. */
  forgotten = 0
  readonly #client: RtpEngineClient
  readonly #limit: number
  /** By Call-ID, the oldest first. */
  readonly #calls = new Map<string, Abandoned>()
  #lengths = 0
  #underWay = 0
  #closed = false

  constructor(client: RtpEngineClient, limit: number) {
    this.#client = client
    this.#limit = limit
  }

  get size(): number {
    return this.#calls.size
  }

  add(callId: string, fromTag: string | undefined): void {
    if (callId === '' || this.#closed) return
    this.keep(callId)
    const call = { callId, fromTag, cut: undefined }
    this.#calls.set(callId, call)
    this.#lengths += lengthOf(call)
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size <= this.#limit && this.#lengths <= MAX_LENGTHS) break
      this.keep(oldest)
      this.forgotten++
    }
  }

  /** The call is this engine's after all: no `delete`, be it under way, may end it. */
  keep(callId: string): void {
    const call = this.#calls.get(callId)
    if (call === undefined) return
    this.#remove(call)
    call.cut?.abort()
  }

  /** The engine answered something. */
  onAlive(): void {
    for (const call of this.#calls.values()) {
      if (this.#underWay >= AT_ONCE || this.#closed) return
      if (call.cut === undefined) this.#delete(call)
    }
  }

  close(): void {
    this.#closed = true
    for (const callId of [...this.#calls.keys()]) this.keep(callId)
  }

  #delete(call: Abandoned): void {
    const { callId, fromTag } = call
    const cut = new AbortController()
    call.cut = cut
    this.#underWay++
    const keys: NgKeys = {
      'call-id': callId,
      'delete-delay': 0,
      ...(fromTag === undefined ? {} : { 'from-tag': fromTag }),
    }
    this.#client
      .requestAs('delete', keys, { signal: cut.signal }, () => true)
      .then(
        () => this.#onEnd(call, true),
        // that it knows no such call is as good
        error => this.#onEnd(call, error instanceof PeerError),
      )
  }

  #onEnd(call: Abandoned, done: boolean): void {
    this.#underWay--
    call.cut = undefined
    if (!done || this.#calls.get(call.callId) !== call) return
    this.#remove(call)
    this.deleted++
    this.onAlive()
  }

  #remove(call: Abandoned): void {
    this.#calls.delete(call.callId)
    this.#lengths -= lengthOf(call)
  }
}

function lengthOf({ callId, fromTag = '' }: Abandoned): number {
  return callId.length + fromTag.length
}
