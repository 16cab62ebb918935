import { canonicalAddress, familyOf, hostPort, unbracketed } from '../../util/address.ts'
import * as h from '../headers/index.ts'
import * as p from '../headers/params.ts'
import type { Flow } from '../message/flow.ts'
import type { SipRequest } from '../message/message.ts'
import type { FramedConnection } from './framed-connection.ts'

const DEFAULT_PORT = 5061

/**
 * Connections that peers opened and let us send our own requests on (RFC 5923 §8.2): those over TLS whose client proved,
 * by its certificate, to be the host that its Via names. They are found by the address the connection came from, the port
 * of that Via, and the name that is asked for.
 */
export class Aliases {
  readonly #connections = new Map<string, FramedConnection>()

  get size(): number {
    return this.#connections.size
  }

  /** Takes in the connection of a request whose top Via asks for it, where its client's certificate covers the sent-by. */
  learn(request: SipRequest, connection: FramedConnection): void {
    const via = request.try(h.Via).value
    if (via === undefined || via.transport !== 'TLS' || via.param(p.alias) !== true) return
    if (!covers(connection, via.host)) return
    connection.aliasName = placeOf(connection.flow.address, via.port ?? DEFAULT_PORT)
    this.#connections.set(connection.aliasName, connection)
  }

  /** The connection for a flow without one; the name that its target was found by is one that the peer proved. */
  find({ address, port, serverName = address }: Flow): FramedConnection | undefined {
    if (this.#connections.size === 0) return undefined
    const found = this.#connections.get(placeOf(address, port))
    return found !== undefined && covers(found, serverName) ? found : undefined
  }

  forget(connection: FramedConnection): void {
    const { aliasName } = connection
    if (aliasName !== undefined && this.#connections.get(aliasName) === connection)
      this.#connections.delete(aliasName)
  }
}

/** RFC 5922 §7.2: whole names; what a certificate with wildcards covers is nobody's alias. */
function covers({ connection }: FramedConnection, host: string): boolean {
  const name = unbracketed(host)
  const wanted = familyOf(name) === undefined ? name.toLowerCase() : (canonicalAddress(name) ?? name)
  return connection.peerDomains?.includes(wanted) ?? false
}

function placeOf(address: string, port: number): string {
  return hostPort(address.includes(':') ? (canonicalAddress(address) ?? address) : address, port)
}
