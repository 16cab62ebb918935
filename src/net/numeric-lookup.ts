type LookupCallback = (error: null, address: string, family: number) => void

/** Numeric hosts need no look-up; answering at once spares dgram a turn of the event loop for each datagram. */
export function numericLookup(host: string, _options: unknown, done: LookupCallback): void {
  done(null, host, 0)
}

/** A dual-stack socket reaches an IPv4 host by its v4-mapped address. */
export function mappingLookup(host: string, _options: unknown, done: LookupCallback): void {
  done(null, host.includes(':') ? host : `::ffff:${host}`, 0)
}
