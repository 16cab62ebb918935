import type { SipMessage } from '../stack/message/message.ts'

/** What a ladder calls a message: `INVITE`, `180`, or `STUN` for what is no SIP. */
export function title(wire: string): string {
  if (wire.charCodeAt(0) < 4) return 'STUN'
  const words = wire.slice(0, wire.indexOf('\r\n')).split(' ')
  return (wire.startsWith('SIP/2.0 ') ? words[1] : words[0]) ?? ''
}

/** The values of all lines of a header, in their order, without its name. */
export function headerLines(wire: string, name: string): string[] {
  const wanted = `${name.toLowerCase()}:`
  return wire
    .slice(0, wire.indexOf('\r\n\r\n'))
    .split('\r\n')
    .filter(line => line.toLowerCase().startsWith(wanted))
    .map(line => line.slice(wanted.length).trim())
}

/** What differs from a plain request of alice to bob. */
export interface RequestTextParts {
  readonly uri?: string
  /** The whole value of the one Via; `branch` is not used then. */
  readonly via?: string
  readonly branch?: string
  readonly fromTag?: string
  readonly toTag?: string
  readonly callId?: string
  readonly cseq?: number
  readonly cseqMethod?: string
  /** More header lines, each with its CR LF. */
  readonly extra?: string
  readonly body?: string
}

/** A request as wire text, to be sent by a scripted peer; nothing is checked, so that it may be as wrong as it likes. */
export function requestText(method: string, parts: RequestTextParts = {}): string {
  const { uri = 'sip:192.0.2.2', branch = 'z9hG4bKtest', fromTag = 'alice', callId = 'call-1' } = parts
  const via = parts.via ?? `SIP/2.0/UDP 192.0.2.1:5060;branch=${branch}`
  const to = parts.toTag === undefined ? '<sip:bob@example.com>' : `<sip:bob@example.com>;tag=${parts.toTag}`
  const body = parts.body ?? ''
  return (
    `${method} ${uri} SIP/2.0\r\nVia: ${via}\r\nMax-Forwards: 70\r\n` +
    `From: <sip:alice@example.com>;tag=${fromTag}\r\nTo: ${to}\r\nCall-ID: ${callId}\r\n` +
    `CSeq: ${parts.cseq ?? 1} ${parts.cseqMethod ?? method}\r\n${parts.extra ?? ''}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** A response to a request as wire text; `extra` are header lines, each with its CR LF. */
export function answerTo(
  message: SipMessage,
  status: number,
  toTag: string = 'peer',
  extra: string = '',
): string {
  const text = message.toString()
  const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap(name =>
    headerLines(text, name).map(value => {
      const tag = name === 'To' && status > 100 && !value.includes(';tag=') ? `;tag=${toTag}` : ''
      return `${name}: ${value}${tag}\r\n`
    }),
  )
  return `SIP/2.0 ${status} Reason\r\n${copied.join('')}${extra}Content-Length: 0\r\n\r\n`
}
