import { PeerError } from '../../util/errors.ts'

/** The alerts of RFC 5246 §7.2 and RFC 8422 that a peer of ours may send or be sent. */
const alertCodes = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  record_overflow: 22,
  handshake_failure: 40,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  user_canceled: 90,
  no_renegotiation: 100,
  unsupported_extension: 110,
} as const

export type AlertName = keyof typeof alertCodes

export interface Alert {
  readonly fatal: boolean
  readonly code: number
}

/** What the peer did wrong, or what it says that we did; `alert` is what it is sent, where it is sent one. */
export class DtlsError extends PeerError {
  readonly alert: AlertName | undefined

  constructor(message: string, alert: AlertName | undefined, code: string = 'ERR_DTLS_HANDSHAKE') {
    super(code, message)
    this.alert = alert
  }
}

const WARNING = 1
const FATAL = 2

export function encodeAlert(name: AlertName): Buffer {
  const warning = name === 'close_notify' || name === 'no_renegotiation' || name === 'user_canceled'
  return Buffer.of(warning ? WARNING : FATAL, alertCodes[name])
}

/** Undefined for what is no alert. */
export function parseAlert(payload: Uint8Array): Alert | undefined {
  const [level, code] = payload
  if (payload.length !== 2 || code === undefined || (level !== WARNING && level !== FATAL)) return undefined
  return { fatal: level === FATAL, code }
}

export function isAlert(alert: Alert, name: AlertName): boolean {
  return alert.code === alertCodes[name]
}

/** A fatal alert of the peer, as what ends the association. */
export function alertError({ code }: Alert): DtlsError {
  const name = Object.entries(alertCodes).find(([, known]) => known === code)?.[0] ?? 'unknown'
  return new DtlsError(
    `DTLS: the peer ended the association with alert ${code}, ${name}`,
    undefined,
    'ERR_DTLS_ALERT',
  )
}
