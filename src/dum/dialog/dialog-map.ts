import type { SipMessage, SipRequest } from '../../stack/message/message.ts'
import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { Dialog } from './dialog.ts'
import type { Usage } from './usage.ts'

/** A dialog with those that use it. */
export interface UsedDialog {
  readonly dialog: Dialog
  readonly usages: readonly Usage[]
}

/** Several dialogs under one tag of ours: the forks of one request. */
export interface ForkedDialogs {
  forkOf(remoteTag: string): UsedDialog | undefined
  /** Those that hear of flows that fail. */
  readonly forks?: Iterable<UsedDialog>
  /** Whether a request of no fork begins one: a NOTIFY (RFC 6665 §4.4.1). */
  takesNew?(request: SipRequest): boolean
  receiveNew?(transaction: ServerTransaction): void
}

type Entry = UsedDialog | ForkedDialogs

/** Every dialog, by our tag alone, which is unlike any other; Call-ID and the remote tag are compared then. */
export class DialogMap {
  readonly #entries = new Map<string, Entry>()

  get size(): number {
    return this.#entries.size
  }

  set(localTag: string, entry: Entry): void {
    this.#entries.set(localTag, entry)
  }

  delete(localTag: string, entry: Entry): void {
    if (this.#entries.get(localTag) === entry) this.#entries.delete(localTag)
  }

  /** The dialog that a peer's request names, `undefined` where there is none (481). */
  ofRequest(request: SipRequest): UsedDialog | undefined {
    return this.#find(request, request.to.tag, request.from.tag)
  }

  /** The dialog that a response to a request of ours names. */
  ofResponse(response: SipMessage): UsedDialog | undefined {
    return this.#find(response, response.from.tag, response.to.tag)
  }

  /** The set that a request begins a fork of. */
  ofNewFork(request: SipRequest): ForkedDialogs | undefined {
    const entry = this.#entries.get(request.to.tag ?? '')
    if (entry === undefined || 'dialog' in entry) return undefined
    return entry.takesNew?.(request) === true ? entry : undefined
  }

  *dialogs(): Generator<UsedDialog> {
    for (const entry of this.#entries.values()) {
      if ('dialog' in entry) yield entry
      else if (entry.forks !== undefined) yield* entry.forks
    }
  }

  #find(
    message: SipMessage,
    localTag: string | undefined,
    remoteTag: string | undefined,
  ): UsedDialog | undefined {
    if (localTag === undefined) return undefined
    const entry = this.#entries.get(localTag)
    if (entry === undefined) return undefined
    const used = 'dialog' in entry ? entry : entry.forkOf(remoteTag ?? '')
    if (used === undefined) return undefined
    const { dialog } = used
    return dialog.remoteTag === (remoteTag ?? '') && dialog.callId === message.callId ? used : undefined
  }
}
