// A callee that takes every call: 180, then 200 with an answer in SDP, until the caller hangs up.
//
//   node examples/uas.mjs udp:127.0.0.1:5060 tcp:127.0.0.1:5060
import { h, nameAddr, SipStack } from 'resip/stack'

const T1 = 500
const T2 = 4000

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
  constructor(stack, invite) {
    this.stack = stack
    this.invite = invite
    this.ok = invite.response(200).set(h.Contact, ourContact).setBody('application/sdp', answer)
    this.interval = T1
    this.waited = 0
  }

  answer() {
    this.invite.respond(180)
    this.invite.respond(this.ok)
    this.timer = this.stack.timers.start(this, 'send 200 again', this.interval)
  }

  onTimer() {
    this.waited += this.interval
    if (this.waited >= 64 * T1) return
    this.invite.respond(this.ok)
    this.interval = Math.min(2 * this.interval, T2)
    this.stack.timers.restart(this.timer, this.interval)
  }

  /** ACK has come: nothing of the INVITE is needed any more. */
  confirm() {
    this.stack.timers.stop(this.timer)
    this.invite = undefined
    this.ok = undefined
  }
}

const stack = new SipStack()
/** Calls by our tag, which stands in To of all that follows. */
const calls = new Map()

function onRequest(transaction) {
  const { request, method, localTag } = transaction
  const tag = request.to.tag
  if (method === 'INVITE' && tag === undefined) {
    const call = new Call(stack, transaction)
    calls.set(localTag, call)
    call.answer()
  } else if (method === 'BYE') {
    const call = calls.get(tag)
    call?.confirm()
    calls.delete(tag)
    transaction.respond(call ? 200 : 481)
  } else if (method === 'OPTIONS') {
    transaction.respond(200)
  } else {
    transaction.respond(tag === undefined ? 405 : 481)
  }
}

stack.onRequest(onRequest, ack => calls.get(ack.to.tag)?.confirm())

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
