// A callee that takes every call: 180, then 200 with an answer in SDP, until the caller hangs up.
//
//   node examples/uas.mjs udp:127.0.0.1:5060 tcp:127.0.0.1:5060
import { fileURLToPath } from 'node:url'
import { h, nameAddr, request, SipStack } from 'resip/stack'

const T1 = 500
const T2 = 4000
/** Calls at a time: a caller who vanished without a BYE is not noticed here. */
const MAX_CALLS = 100_000

const METHODS = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS']

const answer = [
  'v=0',
  'o=callee 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 6000 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n')

/** A Contact without a host: the stack fills in the address that the response leaves by. */
const contact = nameAddr('<sip:callee@host.invalid>')
const ourContact = contact.with({ uri: contact.uri.with({ host: '' }) })

/** One call that was answered. RFC 3261 §13.3.1.4: its 200 goes out again, from T1 up to T2, until ACK comes. */
class Call {
  constructor(callee, invite) {
    this.callee = callee
    this.invite = invite
    this.ok = invite.response(200).set(h.Contact, ourContact).setBody('application/sdp', answer)
    this.interval = T1
    this.waited = 0
  }

  answer() {
    this.timer = this.callee.stack.timers.start(this, 'send 200 again', this.interval)
    this.invite.respond(180)
    this.invite.respond(this.ok)
  }

  onTimer() {
    this.waited += this.interval
    if (this.waited >= 64 * T1) {
      this.hangUp()
      return
    }
    this.interval = Math.min(2 * this.interval, T2, 64 * T1 - this.waited)
    this.callee.stack.timers.restart(this.timer, this.interval)
    this.invite.respond(this.ok)
  }

  /** ACK has come: nothing of the INVITE is needed any more. */
  confirm() {
    this.callee.stack.timers.stop(this.timer)
    this.invite = undefined
    this.ok = undefined
  }

  /** No ACK within 64·T1: the dialog is confirmed all the same, so it ends with a BYE (§13.3.1.4, §15.1.1). */
  hangUp() {
    const { request: invite, localTag } = this.invite
    this.confirm()
    this.callee.calls.delete(localTag)
    const remote = invite.try(h.Contact).value
    if (remote === undefined) return
    const from = invite.to.with({ tag: localTag })
    const bye = request('BYE', remote.uri, { from, to: invite.from, callId: invite.callId, cseq: 1 })
    const routeSet = [...invite.all(h.RecordRoute)]
    if (routeSet.length > 0) bye.set(h.Route, ...routeSet)
    this.callee.stack.send(bye, { onFinal() {}, onFailure() {} })
  }
}

/** Makes `stack` a callee. */
export class Callee {
  constructor(stack) {
    this.stack = stack
    /** Calls by our tag, which stands in To of all that follows. */
    this.calls = new Map()
    stack.onRequest(
      transaction => this.onRequest(transaction),
      ack => this.calls.get(ack.to.tag)?.confirm(),
    )
  }

  onRequest(transaction) {
    const { request, method, localTag } = transaction
    const tag = request.to.tag
    if (method === 'INVITE' && tag === undefined) {
      if (this.calls.size >= MAX_CALLS) {
        transaction.respond(503)
        return
      }
      const call = new Call(this, transaction)
      this.calls.set(localTag, call)
      call.answer()
    } else if (method === 'BYE') {
      const call = this.calls.get(tag)
      call?.confirm()
      this.calls.delete(tag)
      transaction.respond(call ? 200 : 481)
    } else if (method === 'OPTIONS') {
      transaction.respond(transaction.response(200).set(h.Allow, ...METHODS))
    } else if (tag !== undefined && !this.calls.has(tag)) {
      transaction.respond(481)
    } else if (method === 'INVITE') {
      // RFC 3261 §14.2: the call stays as it is
      transaction.respond(488)
    } else {
      transaction.respond(transaction.response(405).set(h.Allow, ...METHODS))
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stack = new SipStack()
  new Callee(stack)
  try {
    const points = process.argv.slice(2)
    await stack.listen(...(points.length > 0 ? points : ['udp:127.0.0.1:5060']))
    console.log(`the callee listens on ${stack.transports.map(transport => transport.key).join(' and ')}`)
    await new Promise(resolve => {
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    })
  } finally {
    await stack.close()
  }
}
