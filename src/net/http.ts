import { Agent, type IncomingMessage, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { EnvironmentError } from '../util/errors.ts'
import { environmentError } from './failure.ts'

export interface HttpClientOptions {
  /** Bytes of a response's body; a longer one rejects with ERR_HTTP_BODY. Default 1 MiB. */
  readonly maxBodyBytes?: number
  /** Connections kept to the server; requests beyond wait for one. Default 32. */
  readonly maxConnections?: number
}

export interface HttpResponse {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
}

const MAX_BODY = 1024 * 1024
const MAX_CONNECTIONS = 32

/** Requests to one `http:` or `https:` URL over connections that are kept alive. */
export class HttpClient {
  readonly #url: URL
  readonly #agent: Agent
  readonly #maxBodyBytes: number

  constructor(url: URL, options: HttpClientOptions = {}) {
    this.#url = url
    const sockets = { keepAlive: true, maxSockets: options.maxConnections ?? MAX_CONNECTIONS }
    this.#agent = url.protocol === 'https:' ? new SecureAgent(sockets) : new Agent(sockets)
    this.#maxBodyBytes = options.maxBodyBytes ?? MAX_BODY
  }

  /** Rejects with an EnvironmentError where no response comes; any status resolves. */
  post(body: Uint8Array, contentType: string, signal?: AbortSignal): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const send = this.#url.protocol === 'https:' ? secureRequest : request
      const fail = (error: unknown): void => reject(this.#failure(error))
      const outgoing = send(
        this.#url,
        {
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': contentType, 'content-length': body.length },
          ...(signal && { signal }),
        },
        response => this.#collect(response, resolve, fail),
      )
      outgoing.on('error', fail)
      outgoing.end(body)
    })
  }

  /** Closes all connections; requests under way reject. */
  close(): void {
    this.#agent.destroy()
  }

  #collect(
    response: IncomingMessage,
    resolve: (response: HttpResponse) => void,
    fail: (error: unknown) => void,
  ): void {
    const chunks: Buffer[] = []
    let length = 0
    response.on('data', (chunk: Buffer) => {
      length += chunk.length
      chunks.push(chunk)
      if (length <= this.#maxBodyBytes) return
      fail(new EnvironmentError('ERR_HTTP_BODY', `a body of more than ${this.#maxBodyBytes} bytes`))
      response.destroy()
    })
    response.on('error', fail)
    response.on('end', () => {
      const contentType = response.headers['content-type'] ?? ''
      resolve({ status: response.statusCode ?? 0, contentType, body: Buffer.concat(chunks, length) })
    })
  }

  #failure(error: unknown): EnvironmentError {
    if (error instanceof EnvironmentError) return error
    const { protocol, hostname, port } = this.#url
    const secure = protocol === 'https:'
    return environmentError(error, {
      protocol: secure ? 'https' : 'http',
      address: hostname,
      port: port === '' ? (secure ? 443 : 80) : Number(port),
    })
  }
}
