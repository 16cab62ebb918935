/** A NAPTR record (RFC 3403 §4.1); `replacement` is empty where the record has none (the root). */
export interface NaptrRecord {
  readonly order: number
  readonly preference: number
  /** As the zone has it; compare without regard to case. */
  readonly flags: string
  /** As the zone has it (`SIP+D2U`, `RELAY:turn.udp` …); compare without regard to case. */
  readonly service: string
  readonly regexp: string
  readonly replacement: string
}

/** An SRV record (RFC 2782); `target` is empty where the service is decidedly not available there (the root). */
export interface SrvRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly target: string
}

/** What a name has of one kind. Empty: it has none, or there is no such name. */
export type Records<T> = readonly T[]

/**
 * Where names lead. Each question is answered at once where nobody needs to be asked (a numeric address, the hosts
 * file, the cache), else by a promise, which rejects with an EnvironmentError: ETIMEOUT, ESERVFAIL, EREFUSED,
 * ECONNREFUSED … What it hands out is shared and frozen. Names in the answers are lower case, without the last dot;
 * CNAMEs have been followed. A name that cannot be one (an empty label, more than 255 octets) has no records.
 */
export interface Resolver {
  naptr(name: string): Records<NaptrRecord> | Promise<Records<NaptrRecord>>
  srv(name: string): Records<SrvRecord> | Promise<Records<SrvRecord>>
  /** Numeric addresses in their canonical form. */
  addresses(name: string, family: 4 | 6): Records<string> | Promise<Records<string>>
  /** Gives up all questions (ECANCELLED) and whatever it holds open. May be called again. */
  close(): void | Promise<void>
}
