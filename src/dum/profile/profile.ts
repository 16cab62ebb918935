import type { DigestClient } from '../../stack/auth/client.ts'
import type { Method } from '../../stack/grammar/method.ts'
import { NameAddr, nameAddr } from '../../stack/grammar/name-addr.ts'
import { Uri } from '../../stack/grammar/uri.ts'
import * as h from '../../stack/headers/index.ts'
import { HeaderBlock } from '../../stack/message/block.ts'
import { headerLines } from '../../stack/message/encode.ts'
import { UsageError } from '../../util/errors.ts'
import { defaultProfile } from './defaults.ts'
import type { ProfileParts, ProfileValues } from './parts.ts'

/** What an account, or a call, is and can. Immutable: sessions share it. */
export class Profile {
  readonly values: ProfileValues
  #block: HeaderBlock | undefined
  #fromText = ''

  /** @throws ParseError where an address cannot be read, UsageError where a number is none */
  constructor(parts: ProfileParts = {}, base: ProfileValues = defaultProfile) {
    const { aor, contact, outboundProxy, ...plain } = parts
    for (const [name, value] of Object.entries(plain)) {
      if (typeof value === 'number' && !(value >= 0 && value <= 0xffffffff))
        throw new UsageError(
          'ERR_SIP_PROFILE',
          `profile: ${name} is ${value}; seconds of 0 or more are needed`,
        )
    }
    this.values = {
      ...base,
      ...defined(plain),
      ...(aor !== undefined && { aor: address(aor) }),
      ...(contact !== undefined && { contact: address(contact) }),
      ...(outboundProxy !== undefined && { outboundProxy: outboundProxy.map(address) }),
    }
  }

  get credentials(): DigestClient | undefined {
    return this.values.credentials
  }

  /** This profile with other parts: an account's from the master's, a call's from the account's. */
  with(parts: ProfileParts): Profile {
    return new Profile(parts, this.values)
  }

  /** Our From, without a tag, as it goes out. */
  get fromText(): string {
    if (this.#fromText === '')
      this.#fromText = headerLines(h.From, this.values.aor).slice('From: '.length, -2)
    return this.#fromText
  }

  /** Allow, Supported, Allow-Events and User-Agent, encoded once. */
  get block(): HeaderBlock {
    if (this.#block === undefined) {
      const { methods, supported, events, userAgent, headers } = this.values
      const lines = [
        methods.length > 0 ? headerLines(h.Allow, ...methods) : '',
        supported.length > 0 ? headerLines(h.Supported, ...supported) : '',
        events.length > 0 ? headerLines(h.AllowEvents, ...events) : '',
        userAgent === '' ? '' : headerLines(h.UserAgent, userAgent),
        headers === '' || headers.endsWith('\r\n') ? headers : `${headers}\r\n`,
      ]
      this.#block = new HeaderBlock(lines.join(''))
    }
    return this.#block
  }

  /** Media types that a body of this method may have. */
  accepts(method: Method): readonly string[] {
    const { accept } = this.values
    return (Object.hasOwn(accept, method) ? accept[method] : accept['*']) ?? []
  }
}

function address(value: NameAddr | Uri | string): NameAddr {
  if (value instanceof NameAddr) return value
  return value instanceof Uri ? nameAddr(`<${value}>`) : nameAddr(value)
}

function defined<T extends object>(parts: T): Partial<T> {
  const given: Partial<T> = {}
  for (const key of Object.keys(parts) as (keyof T)[]) if (parts[key] !== undefined) given[key] = parts[key]
  return given
}
