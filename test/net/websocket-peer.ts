import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface FrameParts {
  readonly opcode?: number
  readonly final?: boolean
  readonly masked?: boolean
  /** Reserved bits, as they stand in the first byte. */
  readonly reserved?: number
  /** What the head says, whatever follows. */
  readonly length?: number
}

const TEXT = 1
export const BINARY = 2
const CLOSE = 8
export const PING = 9
export const PONG = 10

/** A frame of RFC 6455 §5.2, right or wrong; masked with 1, 2, 3, 4 unless told otherwise. */
export function frame(payload: string | Uint8Array, parts: FrameParts = {}): Buffer {
  const { opcode = TEXT, final = true, masked = true, reserved = 0 } = parts
  const bytes = Buffer.from(typeof payload === 'string' ? Buffer.from(payload) : payload)
  const length = parts.length ?? bytes.length
  const first = (final ? 0x80 : 0) | reserved | opcode
  const bit = masked ? 0x80 : 0
  let head: Buffer
  if (length < 126) {
    head = Buffer.from([first, bit | length])
  } else if (length < 65536) {
    head = Buffer.from([first, bit | 126, length >> 8, length & 0xff])
  } else {
    head = Buffer.alloc(10)
    head.set([first, bit | 127])
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  if (!masked) return Buffer.concat([head, bytes])
  const mask = Buffer.from([1, 2, 3, 4])
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i & 3] ?? 0)
  return Buffer.concat([head, mask, bytes])
}

export interface UpgradeParts {
  readonly method?: string
  readonly path?: string
  readonly version?: string
  readonly protocol?: string | undefined
  /** More header lines, each with its CR LF. */
  readonly extra?: string
}

/** A request for a WebSocket (RFC 6455 §4.1). */
export function upgradeRequest(parts: UpgradeParts = {}): string {
  const { method = 'GET', path = '/', version = '13', extra = '' } = parts
  const protocol = 'protocol' in parts ? parts.protocol : 'sip'
  const line = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`
  return (
    `${method} ${path} HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: ${version}\r\n${line}${extra}\r\n`
  )
}

export interface Frame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A WebSocket client that says whatever it is told to. */
export class WebSocketPeer {
  readonly socket: Socket
  #bytes: Buffer = Buffer.alloc(0)
  readonly #waiting: (() => void)[] = []
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', bytes => {
      this.#bytes = Buffer.concat([this.#bytes, bytes])
      this.#wake()
    })
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  static async connect(port: number, host: string = '127.0.0.1'): Promise<WebSocketPeer> {
    const socket = connect({ port, host })
    const peer = new WebSocketPeer(socket)
    await once(socket, 'connect')
    return peer
  }

  /** Connected and upgraded. */
  static async open(port: number, parts: UpgradeParts = {}): Promise<WebSocketPeer> {
    const peer = await WebSocketPeer.connect(port)
    peer.socket.write(upgradeRequest(parts))
    const answer = await peer.head()
    if (!answer.startsWith('HTTP/1.1 101 ')) throw new Error(answer)
    return peer
  }

  send(payload: string | Uint8Array, parts: FrameParts = {}): void {
    this.socket.write(frame(payload, parts))
  }

  /** The head of an HTTP answer; what the server said before it closed, where it said none. */
  async head(): Promise<string> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end >= 0) {
        const text = this.#bytes.latin1Slice(0, end + 4)
        this.#bytes = this.#bytes.subarray(end + 4)
        return text
      }
      if (this.isClosed) return this.#bytes.latin1Slice()
      await this.#more()
    }
  }

  /** The next frame; `undefined` where the connection ended before. */
  async frame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#take()
      if (frame !== undefined || this.isClosed) return frame
      await this.#more()
    }
  }

  /** The text of the next message. */
  async text(): Promise<string> {
    return (await this.frame())?.payload.toString() ?? ''
  }

  /** The code of the Close that ended the connection (RFC 6455 §7.4); 0 where there was none. */
  async closeCode(): Promise<number> {
    for (;;) {
      const frame = await this.frame()
      if (frame === undefined) return 0
      if (frame.opcode === CLOSE) return frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005
    }
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await this.#more()
  }

  #take(): Frame | undefined {
    const bytes = this.#bytes
    if (bytes.length < 2) return undefined
    const short = (bytes[1] ?? 0) & 0x7f
    const start = short === 126 ? 4 : short === 127 ? 10 : 2
    if (bytes.length < start) return undefined
    const length =
      short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
    if (bytes.length < start + length) return undefined
    this.#bytes = bytes.subarray(start + length)
    return { opcode: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(start, start + length) }
  }

  #more(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
