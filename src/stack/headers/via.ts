import { withoutZone } from '../../util/address.ts'
import { TOKEN } from '../grammar/chars.ts'
import { hostOf } from '../grammar/host.ts'
import { noParams, numberParam, type Param, type Params, textParam } from '../grammar/params.ts'
import { parseParams } from '../grammar/parse-params.ts'
import type { Scanner } from '../grammar/scanner.ts'
import { formatHostPort, parseHost } from '../grammar/uri.ts'

const SLASH = 0x2f

const receivedParam = textParam('received')
const rportParam = numberParam('rport')

/** What makes a branch one of RFC 3261: an identifier unique across space and time (§8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

/** One hop of a message's way, `SIP/2.0/UDP host:port;branch=…` (RFC 3261 §20.42). Immutable. */
export class Via {
  /** Upper-case: `UDP`, `TCP`, `TLS`, `WS`, `WSS`, `SCTP` … */
  readonly transport: string
  /** Host of sent-by; an IPv6 address without its brackets. */
  readonly host: string
  readonly port: number | undefined
  readonly params: Params

  constructor(transport: string, host: string, port: number | undefined, params: Params = noParams) {
    this.transport = transport
    this.host = host
    this.port = port
    this.params = params
  }

  get sentBy(): string {
    return formatHostPort(this.host, this.port)
  }

  /** `''` where there is none, as RFC 2543 allowed. */
  get branch(): string {
    return this.params.text('branch') ?? ''
  }

  /**
   * Where the request came from; an IPv6 address without the brackets that some put there (RFC 5118 §4.5). Absent where
   * the text is no host.
   */
  get received(): string | undefined {
    const text = this.params.text('received')
    return text === undefined ? undefined : hostOf(text)
  }

  /** The port a request came from (RFC 3581); `undefined` where nobody has filled it in. */
  get rport(): number | undefined {
    const text = this.params.text('rport')
    return text === undefined || text === '' ? undefined : rportParam.parse(text)
  }

  /** Whether the sender asks for the response to go to the port its request came from (RFC 3581 §3). */
  get wantsRport(): boolean {
    return this.params.has('rport')
  }

  param<T>(param: Param<T>): T | undefined {
    return this.params.get(param)
  }

  withParam<T>(param: Param<T>, value: T): Via {
    return new Via(this.transport, this.host, this.port, this.params.with(param, value))
  }

  /**
   * With where the request came from, as the server's transport notes it (RFC 3261 §18.2.1, RFC 3581 §4). What the
   * client itself wrote of that goes: nobody but the server knows. A zone is ours alone and not told (RFC 4007 §11.2).
   */
  receivedFrom(address: string, port: number): Via {
    const { wantsRport } = this
    const seen = withoutZone(address)
    let params = this.params
    if (wantsRport) params = params.with(rportParam, port)
    if (wantsRport || this.host !== seen) params = params.with(receivedParam, seen)
    else params = params.without('received')
    return params === this.params ? this : new Via(this.transport, this.host, this.port, params)
  }

  toString(): string {
    return `SIP/2.0/${this.transport} ${this.sentBy}${this.params}`
  }
}

/** `sent-protocol LWS sent-by *( SEMI via-params )`, blanks allowed around every delimiter. */
export function parseVia(scanner: Scanner): Via {
  const transport = parseProtocol(scanner)
  const before = scanner.position
  scanner.skipSpace()
  if (scanner.position === before) scanner.fail('blank expected after the transport')
  const host = parseHost(scanner)
  const afterHost = scanner.position
  scanner.skipSpace()
  if (scanner.accept(0x3a)) {
    scanner.skipSpace()
    const port = scanner.number(65535)
    return new Via(transport, host, port, parseParams(scanner))
  }
  scanner.position = afterHost
  return new Via(transport, host, undefined, parseParams(scanner))
}

/** `sent-protocol`; answers its transport. */
function parseProtocol(scanner: Scanner): string {
  if (scanner.isAt('SIP/2.0/UDP ')) {
    scanner.position += 11
    return 'UDP'
  }
  if (scanner.isAt('SIP/2.0/TCP ')) {
    scanner.position += 11
    return 'TCP'
  }
  if (scanner.token().toUpperCase() !== 'SIP') scanner.fail('protocol SIP expected')
  slash(scanner)
  if (scanner.token() !== '2.0') scanner.fail('version 2.0 expected')
  slash(scanner)
  return scanner.take(TOKEN, 'transport').toUpperCase()
}

function slash(scanner: Scanner): void {
  scanner.skipSpace()
  scanner.expect(SLASH)
  scanner.skipSpace()
}
