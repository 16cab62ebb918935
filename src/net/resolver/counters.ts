/** What a resolver has done so far. */
export interface DnsCounters {
  /** Answered at once: a number, the hosts file, a name that is none. */
  known: number
  /** Answered at once from the cache. */
  cached: number
  /** Asked while the same was being asked: one answer served both. */
  joined: number
  /** Questions that servers were asked for, each perhaps several times. */
  asked: number
  /** Refused because too many were waiting. */
  refused: number
  /** Messages sent to servers. */
  sent: number
  /** Answers of servers to what they were asked. */
  answered: number
  /** Of those, what came after its server had been given up; still of use. */
  late: number
  /** Datagrams of another source, id or question: no answers (RFC 5452). */
  mismatched: number
  malformed: number
  /** Answers that had to be fetched over TCP. */
  truncated: number
  /** Servers that did not answer in time. */
  silent: number
  /** Records left out because their names hold what no name of ours may. */
  oddRecords: number
}

export function dnsCounters(): DnsCounters {
  return {
    known: 0,
    cached: 0,
    joined: 0,
    asked: 0,
    refused: 0,
    sent: 0,
    answered: 0,
    late: 0,
    mismatched: 0,
    malformed: 0,
    truncated: 0,
    silent: 0,
    oddRecords: 0,
  }
}
