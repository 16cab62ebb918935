import type { ServerTransaction } from '../../stack/transaction/server-transaction.ts'
import type { DumContext } from '../core/context.ts'
import type { Description } from '../core/description.ts'
import { Door } from '../core/door.ts'
import { RequestDuty } from '../core/request-duty.ts'
import type { RequestReply } from '../handlers/pager.ts'
import type { Profile } from '../profile/profile.ts'

/** Asks a handler for the answer to a request outside dialogs, which is 200 where it says nothing. */
export function askForReply(
  context: DumContext,
  profile: Profile,
  transaction: ServerTransaction,
  ask: (reply: RequestReply) => unknown,
): void {
  let content: Description | undefined
  const duty: RequestDuty = new RequestDuty(
    context,
    status => {
      const response = transaction.response(status).appendBlock(profile.block)
      content?.writeTo(response)
      transaction.respond(response)
    },
    () => duty.accept(),
  )
  const reply: RequestReply = {
    get isAnswered() {
      return duty.isAnswered
    },
    accept(status, body) {
      content = body
      duty.accept(status)
    },
    reject: status => duty.reject(status),
  }
  duty.ask(new Door(context.failed, context.limits.maxWaiting), () => ask(reply))
}
