import { formatHostPort } from '../grammar/uri.ts'

/** What a transport is advertised as: in Via, Contact and Record-Route (RFC 3261 §18.1.1). */
export interface SentBy {
  /** A name, or a numeric address without brackets. */
  readonly host: string
  /** `undefined` where the default port, or the name's own records, say it. */
  readonly port: number | undefined
  /** Both as they stand in a Via. */
  readonly text: string
}

export function sentByOf(host: string, port: number | undefined): SentBy {
  return { host, port, text: formatHostPort(host, port) }
}
