import type { NaptrRecord, Records, Resolver, SrvRecord } from '../../src/net/resolver/resolver.ts'
import { familyOf } from '../../src/util/address.ts'

/** Every name has these addresses, and no other records. */
export function resolverOf(...addresses: string[]): Resolver {
  return {
    naptr: () => [],
    srv: () => [],
    addresses: (_, family): Promise<Records<string>> =>
      Promise.resolve(addresses.filter(address => familyOf(address) === family)),
    close() {},
  }
}

/** What a simulated zone has by `TYPE name`; an error is rejected with. */
export interface Zone {
  readonly [question: string]: Records<unknown> | Error
}

/** Answers from a zone and notes what is asked. */
export class ZoneResolver implements Resolver {
  readonly asked: string[] = []
  readonly #zone: Zone

  constructor(zone: Zone) {
    this.#zone = zone
  }

  naptr(name: string): Promise<Records<NaptrRecord>> {
    return this.#find(`NAPTR ${name}`, isNaptr)
  }

  srv(name: string): Promise<Records<SrvRecord>> {
    return this.#find(`SRV ${name}`, isSrv)
  }

  addresses(name: string, family: 4 | 6): Promise<Records<string>> {
    return this.#find(`${family === 4 ? 'A' : 'AAAA'} ${name}`, one => typeof one === 'string')
  }

  close(): void {}

  async #find<T>(question: string, isOf: (record: unknown) => record is T): Promise<Records<T>> {
    this.asked.push(question)
    const found = this.#zone[question] ?? []
    if (found instanceof Error) throw found
    return found.filter(isOf)
  }
}

function isNaptr(record: unknown): record is NaptrRecord {
  return typeof record === 'object' && record !== null && 'replacement' in record
}

function isSrv(record: unknown): record is SrvRecord {
  return typeof record === 'object' && record !== null && 'target' in record
}

export function naptr(order: number, service: string, flags: string, replacement: string): NaptrRecord {
  return { order, preference: 10, flags, service, regexp: '', replacement }
}

export function srv(priority: number, target: string, port: number): SrvRecord {
  return { priority, weight: 0, port, target }
}
