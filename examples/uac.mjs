// A caller that makes calls at a steady rate: INVITE, ACK, BYE. Ends with code 1 where a call failed.
//
//   node examples/uac.mjs sip:service@127.0.0.1:5060 udp:127.0.0.1:5070 100 50     (100 calls, 50 a second)
import { ack2xx, h, nameAddr, request, SipStack, uri } from 'resip/stack'

const [target = 'sip:service@127.0.0.1:5060', point = 'udp:127.0.0.1:0', count = '10', rate = '10'] =
  process.argv.slice(2)

const caller = nameAddr('<sip:caller@host.invalid>')
/** A Contact without a host: the stack fills in the address that the request leaves by. */
const ourContact = caller.with({ uri: caller.uri.with({ host: '' }) })

const stack = new SipStack()

/** One call; resolves with what failed, or with nothing. */
function call() {
  return new Promise(resolve => {
    const invite = request('INVITE', uri(target), { from: caller, contact: ourContact }, stack.identifiers)
    /** By the tag of who accepted: each branch of a fork makes a dialog of its own. */
    const acks = new Map()
    stack.send(invite, {
      onFinal(response) {
        if (response.status >= 300) {
          resolve(`INVITE was answered ${response.status}`)
          return
        }
        // without it there is nowhere to send ACK and BYE (RFC 3261 §12.1.1)
        if (response.try(h.Contact).value === undefined) {
          resolve('a 200 came without a Contact')
          return
        }
        // RFC 3261 §13.2.2.4: each 2xx gets an ACK, also one that comes again
        const { tag } = response.to
        const known = acks.get(tag)
        if (known !== undefined) {
          known.resend()
          return
        }
        const ack = stack.sendAck(ack2xx(invite, response))
        acks.set(tag, ack)
        ack.sent.catch(error => resolve(error.message))
        hangUp(invite, response).then(resolve)
      },
      onFailure(failure) {
        resolve(failure.message)
      },
    })
  })
}

/** BYE within the dialog that a 2xx made (RFC 3261 §12.2.1.1). */
async function hangUp(invite, ok) {
  const remoteTarget = ok.get(h.Contact).uri
  const { callId } = invite
  const bye = request('BYE', remoteTarget, { from: invite.from, to: ok.to, callId, cseq: 2 })
  const routeSet = [...ok.all(h.RecordRoute)].reverse()
  if (routeSet.length > 0) bye.set(h.Route, ...routeSet)
  try {
    const { status } = await stack.request(bye)
    return status < 300 ? undefined : `BYE was answered ${status}`
  } catch (error) {
    return error.message
  }
}

try {
  await stack.listen(point)
  const began = performance.now()
  const calls = []
  for (let made = 0; made < Number(count); made++) {
    const wait = began + (made * 1000) / Number(rate) - performance.now()
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    calls.push(call())
  }
  const failures = (await Promise.all(calls)).filter(failure => failure !== undefined)
  for (const failure of new Set(failures)) console.error(failure)
  console.log(`${calls.length} calls, ${failures.length} failed`)
  if (failures.length > 0) process.exitCode = 1
} finally {
  await stack.close()
}
