// A stateless proxy whose calls send their media through rtpengine: offers and answers are rewritten on their way.
//
//   node examples/rtpengine-proxy.mjs udp:127.0.0.1:5060 sip:127.0.0.1:5070 udp://127.0.0.1:2223 udp://127.0.0.2:2223
import { fileURLToPath } from 'node:url'
import { RtpEnginePool } from 'resip/media'
import { h, printable, uri } from 'resip/stack'
import { StatelessProxy } from 'resip/stateless-proxy'

const REMEMBERED = 10_000

/** What every offer and answer asks of the engine, before what the program adds. */
const usual = { flags: ['trust-address'], replace: ['origin', 'session-connection'], ice: 'remove' }

/**
 * Starts the proxy. `engines` as RtpEnginePool takes them; `offer` are options for every offer (`recordCall`,
 * `transportProtocol` …); `onCallEnd` hears what the engine counted in each call.
 */
export async function startRtpEngineProxy({
  listen,
  nextHop,
  engines,
  pool,
  offer = {},
  onCallEnd = () => {},
}) {
  const media = new RtpEnginePool(engines, pool)
  const invites = new Invites()

  /** The SDP goes to the engine, and the engine's own takes its place. */
  const replace = async (out, asked) => {
    const { sdp } = await asked
    out.setBody('application/sdp', sdp)
  }

  const end = (callId, fromTag) =>
    media.delete(callId, fromTag).then(
      ({ call }) => call && tell(callId, call),
      () => {}, // the engine ends by itself a call that is silent
    )

  /** What the program makes of a call's end is its own: a mistake in it must not end the proxy. */
  const tell = async (callId, call) => {
    try {
      await onCallEnd(callId, call)
    } catch (error) {
      console.error(`onCallEnd: ${printable(String(error))}`)
    }
  }

  function onForwardRequest(request, out) {
    const { method, callId, from, to, via } = request
    const sdp = sdpOf(request)
    if (method === 'INVITE')
      invites.add(request, { isFirst: to.tag === undefined, isLate: sdp === undefined })
    if (method === 'BYE') void end(callId, from.tag)
    if (sdp === undefined) return undefined
    switch (method) {
      case 'INVITE':
      case 'UPDATE': {
        const options = { ...usual, ...offer, viaBranch: via.branch, ...(to.tag && { toTag: to.tag }) }
        return replace(out, media.offer(sdp, callId, from.tag, options))
      }
      case 'ACK': // the offer came late, in the 200: the callee's tag is the offerer's
        return replace(out, media.answer(sdp, callId, to.tag, from.tag, usual))
      default:
        return undefined
    }
  }

  function onForwardResponse(response, out) {
    const { method, status, callId, from, to } = response
    const invite = method === 'INVITE' ? invites.of(response) : undefined
    if (invite?.isFirst && status >= 300) void end(callId, from.tag)
    const sdp = sdpOf(response)
    if (sdp === undefined || status >= 300 || (method !== 'INVITE' && method !== 'UPDATE')) return undefined
    if (invite?.isLate) {
      const options = { ...usual, ...offer, ...(!invite.isFirst && { toTag: from.tag }) }
      return replace(out, media.offer(sdp, callId, to.tag, options))
    }
    // those below are for others, and may be malformed
    const senders = response.each(h.Via, 1).next().value
    const options = { ...usual, ...(senders && { viaBranch: senders.branch }) }
    return replace(out, media.answer(sdp, callId, from.tag, to.tag, options))
  }

  try {
    const steps = { onForwardRequest, onForwardResponse }
    const proxy = await StatelessProxy.start({ listen, nextHop: uri(nextHop), ...steps })
    return { proxy, media, close: () => Promise.all([proxy.close(), media.close()]) }
  } catch (error) {
    await media.close()
    throw error
  }
}

/** What a response does not tell of its INVITE: the ones seen last, for as long as there is room. */
class Invites {
  #seen = new Map()

  add(request, what) {
    this.#seen.set(keyOf(request), what)
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.keys().next().value)
  }

  of(response) {
    return this.#seen.get(keyOf(response))
  }
}

const keyOf = ({ callId, from, cseq }) => `${callId} ${from.tag} ${cseq.number}`

/** The body, where it is SDP and nothing else. */
function sdpOf(message) {
  const isSdp = message.body.length > 0 && message.try(h.ContentType).value?.essence === 'application/sdp'
  return isSdp ? message.body.toString() : undefined
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [listen = 'udp:127.0.0.1:5060', nextHop = 'sip:127.0.0.1:5070', ...engines] = process.argv.slice(2)
  if (engines.length === 0) engines.push('udp://127.0.0.1:2223')
  const running = await startRtpEngineProxy({ listen: [listen], nextHop, engines })
  try {
    console.log(`listens on ${listen}, media through ${engines.join(' and ')}`)
    await new Promise(stop => process.once('SIGINT', stop).once('SIGTERM', stop))
  } finally {
    await running.close()
  }
}
