import type { SipMessage, SipRequest } from '../../stack/message/message.ts'
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

  *dialogs(): Generator<UsedDialog> {
    for (const entry of this.#entries.values()) if ('dialog' in entry) yield entry
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
