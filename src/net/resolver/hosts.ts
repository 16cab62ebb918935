import { readFileSync, statSync } from 'node:fs'
import { type AddressFamily, canonicalAddress, familyOf } from '../../util/address.ts'
import { questionName } from './name.ts'
import type { Records } from './resolver.ts'

/** The file behind a HostsFile: the system's, or a test's. */
export interface HostsSource {
  /** Another text whenever the file has changed; undefined where it cannot be read. */
  stamp(): string | undefined
  read(): string
}

/** Milliseconds between two looks at the file. */
const LOOK_AGAIN = 5000
/** Octets of the file that are read: lists of blocked names reach some megabytes. */
const LONGEST_FILE = 16 * 1024 * 1024

const NONE: Records<string> = Object.freeze([])

/**
 * The names that this host's own file gives addresses to (hosts(5)). It is read when the first name is asked for, looked
 * at again at most each five seconds, and read again when it has changed.
 */
export class HostsFile {
  readonly #source: HostsSource
  readonly #now: () => number
  #stamp: string | undefined
  #lookAgain = Number.NEGATIVE_INFINITY
  #names: ReadonlyMap<string, HostAddresses> = new Map()

  constructor(source: HostsSource, now: () => number) {
    this.#source = source
    this.#now = now
  }

  /**
   * The addresses of a name, as of `questionName`; undefined where the file does not know it. A name that stands there with
   * addresses of one family has none of the other: nobody else is asked, as of the system's own look-up.
   */
  addresses(name: string, family: AddressFamily): Records<string> | undefined {
    const now = this.#now()
    if (now >= this.#lookAgain) {
      this.#lookAgain = now + LOOK_AGAIN
      this.#refresh()
    }
    const known = this.#names.get(name)
    return known && (family === 4 ? known.ipv4 : known.ipv6)
  }

  #refresh(): void {
    try {
      const stamp = this.#source.stamp()
      if (stamp === this.#stamp) return
      this.#names = stamp === undefined ? new Map() : readHosts(this.#source.read())
      this.#stamp = stamp
    } catch {
      // gone or forbidden between the look and the read: what it said last holds until the next look
    }
  }
}

interface HostAddresses {
  readonly ipv4: Records<string>
  readonly ipv6: Records<string>
}

/** An address and its names a line, `#` before a comment. Lines that say nothing are passed over. */
export function readHosts(text: string): ReadonlyMap<string, HostAddresses> {
  const names = new Map<string, HostAddresses>()
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [address = '', ...aliases] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/)
    const family = familyOf(address)
    const canonical = family && canonicalAddress(address)
    if (canonical === undefined) continue
    for (const alias of aliases) {
      const name = questionName(alias)
      if (name === undefined) continue
      const { ipv4 = NONE, ipv6 = NONE } = names.get(name) ?? {}
      names.set(name, {
        ipv4: family === 4 ? withAddress(ipv4, canonical) : ipv4,
        ipv6: family === 6 ? withAddress(ipv6, canonical) : ipv6,
      })
    }
  }
  return names
}

function withAddress(known: Records<string>, address: string): Records<string> {
  return known.includes(address) ? known : Object.freeze([...known, address])
}

/** A file of the system; `path` is by default where Unix and Windows keep it. */
export function hostsSource(path: string = systemPath()): HostsSource {
  return {
    stamp() {
      const file = statSync(path, { throwIfNoEntry: false })
      return file?.isFile() && file.size <= LONGEST_FILE
        ? `${file.mtimeMs} ${file.size} ${file.ino}`
        : undefined
    },
    read: () => readFileSync(path, 'utf8'),
  }
}

function systemPath(): string {
  if (process.platform !== 'win32') return '/etc/hosts'
  return `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`
}
