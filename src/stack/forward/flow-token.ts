import { UsageError } from '../../util/errors.ts'
import { hex32 } from '../../util/hash.ts'
import { HMAC_SHA1_LENGTH, HmacSha1 } from '../../util/sha1.ts'
import { sameIgnoringCase } from '../grammar/chars.ts'
import type { Params } from '../grammar/params.ts'
import type { Via } from '../headers/via.ts'
import type { Flow } from '../message/flow.ts'

/** A secret as an application keeps it: bytes, or a `KeyObject` of `node:crypto`. */
export type SecretKey = Uint8Array | { export(): Uint8Array }

/** Hexadecimal digits of a truncated HMAC: HMAC-SHA1-80, as RFC 5626 §5.2 takes it for flow tokens. */
const DIGITS = 20
/** RFC 2104 §3 asks for as many octets as the hash has, and discourages fewer. */
const SHORTEST_KEY = 16
/** More than ours ever have: nothing is computed for what cannot be ours. */
const LONGEST_WAY = 40
const LONGEST_BRANCH = 64

/** What is signed, in front of it, so that a signature of one kind is none of another. */
const WAY = 1
const DIALOG = 2
const FLOW = 3

/** Stand between the fields of a flow token, and for what no user part of a URI may hold (RFC 3261 §25.1). */
const FIELD = '!'
const escapes: ReadonlyMap<string, string> = new Map([
  [':', '*'],
  ['%', '$'],
])
const unescapes: ReadonlyMap<string, string> = new Map(
  Array.from(escapes, ([plain, written]) => [written, plain]),
)
/** A place, an address with its port and, over a connection, its number and its node; the signature is behind the dot. */
const flowToken = /^([0-9a-f]{16})!([^!]{2,120})!(\d{1,5})(?:!(\d{1,16})!([\w-]{1,64}))?\.[0-9a-f]{20}$/

/** The flow of a client, as a token in a Record-Route tells it. */
export interface TokenFlow {
  /** The transport, by the hash of its key. */
  readonly place: string
  readonly address: string
  readonly port: number
  /** 0 over datagrams; -1 where another node, or this one before it was started again, gave the token. */
  readonly connection: number
}

/** The way a request came by, as the Via of a stateless proxy keeps it. */
export interface Way {
  /** The transport's place among all that were added. */
  readonly place: number
  /** The connection's number, 0 where there is none or where it is another node's. */
  readonly connection: number
}

/**
 * What a proxy that keeps nothing writes into messages to find it there again, signed, since everybody may write a
 * Via or a Route (RFC 3261 §16.11 wants "a value this proxy has inserted"; RFC 5626 §5.2). Nodes that share the key
 * take each other's tokens; connection numbers mean something to the node alone that gave them.
 */
export class FlowTokens {
  readonly #hmac: HmacSha1
  readonly #node: string

  /**
   * `node` tells this stack from others with the same key, and from itself before a restart.
   * @throws UsageError where the key is too short
   */
  constructor(key: SecretKey, node: string) {
    const bytes = key instanceof Uint8Array ? key : key.export()
    if (bytes.length < SHORTEST_KEY) {
      throw new UsageError(
        'ERR_SIP_KEY',
        `a key of ${bytes.length} octets is too short; give ${SHORTEST_KEY} or more, as randomBytes(20) makes them`,
      )
    }
    this.#hmac = new HmacSha1(bytes)
    this.#node = node
  }

  /**
   * The value that our Via with `branch` gets above `below`: how the request came, signed together with all that decides
   * where its response will go.
   */
  ofWay(place: number, connection: number, branch: string, below: Via | undefined): string {
    const way = connection > 0 ? `${place}-${connection}-${this.#node}` : String(place)
    this.#signWay(way, branch, below)
    return `${way}.${signature()}`
  }

  /** The way that a Via of ours tells, `undefined` where we did not write it or the Via below is another than then. */
  wayOf(token: string, branch: string, below: Via | undefined): Way | undefined {
    const dot = token.length - DIGITS - 1
    if (dot < 1 || dot > LONGEST_WAY || token.charCodeAt(dot) !== DOT) return undefined
    if (branch.length > LONGEST_BRANCH) return undefined
    const way = token.slice(0, dot)
    this.#signWay(way, branch, below)
    if (!isSignature(token, dot + 1)) return undefined
    const first = way.indexOf('-')
    if (first < 0) return { place: Number(way), connection: 0 }
    // the node's word may hold hyphens of its own
    const second = way.indexOf('-', first + 1)
    const isOurs = way.slice(second + 1) === this.#node
    return {
      place: Number(way.slice(0, first)),
      connection: isOurs ? Number(way.slice(first + 1, second)) : 0,
    }
  }

  /**
   * The token of a flow, for the user part of a Record-Route (RFC 5626 §5.2). `place` is the hash of the transport's key,
   * which names protocol and local address; `flow` is the remote address and the connection.
   */
  ofFlow(place: string, { address, port, connection }: Omit<TokenFlow, 'place'>): string {
    const remote = `${place}${FIELD}${address.replace(/[:%]/g, found => escapes.get(found) ?? found)}${FIELD}${port}`
    const text = connection > 0 ? `${remote}${FIELD}${connection}${FIELD}${this.#node}` : remote
    this.#signFlow(text)
    return `${text}.${signature()}`
  }

  /** The flow that a token tells; `forged` where it is like ours and was not signed by us, `undefined` where it is none. */
  flowOf(token: string): TokenFlow | 'forged' | undefined {
    const [, place, address, port, connection, node] = flowToken.exec(token) ?? []
    if (place === undefined || address === undefined) return undefined
    const dot = token.length - DIGITS - 1
    this.#signFlow(token.slice(0, dot))
    if (!isSignature(token, dot + 1)) return 'forged'
    return {
      place,
      address: address.replace(/[*$]/g, found => unescapes.get(found) ?? found),
      port: Number(port),
      connection: connection === undefined ? 0 : node === this.#node ? Number(connection) : -1,
    }
  }

  /** The value that our Record-Route gets in a request that makes a dialog of `tag`, the tag of the one who begins it. */
  ofDialog(callId: string, tag: string): string {
    this.#signDialog(callId, tag)
    return signature()
  }

  /** Whether {@link ofDialog} gave this value. */
  isOfDialog(token: string, callId: string, tag: string): boolean {
    if (token.length !== DIGITS) return false
    this.#signDialog(callId, tag)
    return isSignature(token, 0)
  }

  #signWay(way: string, branch: string, below: Via | undefined): void {
    begin(WAY)
    put(way)
    put(branch)
    if (below !== undefined) {
      put(below.transport)
      put(below.host)
      putPort(below.port)
      putParams(below.params)
    }
    this.#hmac.digest(octets, 0, used, tag, 0)
  }

  #signFlow(text: string): void {
    begin(FLOW)
    put(text)
    this.#hmac.digest(octets, 0, used, tag, 0)
  }

  #signDialog(callId: string, tagOfDialog: string): void {
    begin(DIALOG)
    put(callId)
    put(tagOfDialog)
    this.#hmac.digest(octets, 0, used, tag, 0)
  }
}

/** The connection's number of a flow, 0 where it came by datagrams or from nowhere. */
export function connectionOf(source: Flow | undefined): number {
  return source?.connection ?? 0
}

const DOT = 0x2e
const ABSENT = 0xffff

/** What is being signed, and its HMAC: no call is ever interrupted by another. */
let octets = new Uint8Array(2048)
let used = 0
const tag = new Uint8Array(HMAC_SHA1_LENGTH)

function begin(kind: number): void {
  octets[0] = kind
  used = 1
}

/** A text and its length behind it, so that no two lists of texts give the same octets. */
function put(text: string | undefined): void {
  if (text === undefined) {
    putShort(ABSENT)
    return
  }
  const { length } = text
  reserve(length)
  const out = octets
  let at = used
  let seen = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    seen |= code
    out[at++] = code
  }
  used = at
  if (seen > 0x7f) putUtf8(text, at - length)
  else putShort(length)
}

function putUtf8(text: string, from: number): void {
  const encoded = Buffer.from(text, 'utf8')
  used = from
  reserve(encoded.length)
  octets.set(encoded, from)
  used = from + encoded.length
  putShort(encoded.length)
}

/** A port, or that there is none. */
function putPort(port: number | undefined): void {
  reserve(0)
  octets[used++] = port === undefined ? 0 : 1
  putShort(port ?? 0)
}

function putShort(value: number): void {
  reserve(0)
  octets[used++] = value >> 8
  octets[used++] = value
}

/** The parameters that decide where a response goes, of each the first, in one pass: their names differ in length. */
function putParams(params: Params): void {
  let branch: string | undefined
  let received: string | undefined
  let rport: string | undefined
  let maddr: string | undefined
  for (let at: Params | undefined = params; at !== undefined; at = at.next) {
    const { name } = at
    switch (name.length) {
      case 5:
        if (sameIgnoringCase(name, 'rport')) rport ??= at.value ?? ''
        else if (sameIgnoringCase(name, 'maddr')) maddr ??= at.value ?? ''
        break
      case 6:
        if (sameIgnoringCase(name, 'branch')) branch ??= at.value ?? ''
        break
      case 8:
        if (sameIgnoringCase(name, 'received')) received ??= at.value ?? ''
        break
    }
  }
  put(branch)
  put(received)
  put(rport)
  put(maddr)
}

function reserve(length: number): void {
  if (used + length + 8 <= octets.length) return
  const larger = new Uint8Array(2 * (used + length + 8))
  larger.set(octets)
  octets = larger
}

function signature(): string {
  return `${hex32(wordAt(0))}${hex32(wordAt(4))}${hex32(wordAt(8)).slice(0, 4)}`
}

function wordAt(at: number): number {
  return ((tag[at] ?? 0) << 24) | ((tag[at + 1] ?? 0) << 16) | ((tag[at + 2] ?? 0) << 8) | (tag[at + 3] ?? 0)
}

/** Whether the digits of `token` from `at` are the HMAC's; the time it takes does not tell how many of them are right. */
function isSignature(token: string, at: number): boolean {
  let difference = 0
  for (let i = 0; i < DIGITS; i++) {
    const octet = tag[i >> 1] ?? 0
    const digit = (i & 1) === 0 ? octet >> 4 : octet & 15
    difference |= token.charCodeAt(at + i) ^ (digit < 10 ? 0x30 + digit : 0x57 + digit)
  }
  return difference === 0
}
