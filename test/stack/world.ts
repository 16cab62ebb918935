import {
  type Locate,
  nameAddr,
  type Protocol,
  type RequestTemplate,
  request,
  type SipStack,
  type Target,
  type Uri,
  uri,
} from 'resip/stack'
import { MemoryTransport } from 'resip/testing'

export {
  answerTo,
  deafReceiver as deaf,
  headerLines as lines,
  type RequestTextParts,
  requestText,
  ScriptedPeer as Peer,
  title,
  World,
} from 'resip/testing'

export function invite(target: string = 'sip:bob@192.0.2.2'): RequestTemplate {
  return request('INVITE', target, {
    from: '<sip:alice@example.com>',
    contact: nameAddr('<sip:alice@192.0.2.1>'),
  })
}

export function options(target: string = 'sip:bob@192.0.2.2'): RequestTemplate {
  return request('OPTIONS', target, { from: '<sip:alice@example.com>' })
}

export function targets(protocol: Protocol, ...addresses: readonly string[]): Target[] {
  return addresses.map(address => ({ protocol, address, port: 5060 }))
}

/** The transport of a stack that lives on a memory network: the first, or the one of a protocol. */
export function memoryOf(stack: SipStack, protocol?: Protocol): MemoryTransport {
  for (const transport of stack.transports) {
    if (transport instanceof MemoryTransport && (protocol ?? transport.protocol) === transport.protocol)
      return transport
  }
  throw new Error('a memory transport expected')
}

/** Lets promises that are settled be heard. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** Finds the targets of requests by a function, and those of responses by the same, asked for their sent-by. */
export function locating(find: (next: Uri) => ReturnType<Locate['locate']>): Locate {
  return {
    locate: next => find(next),
    locateResponse: via => find(uri(`sip:${via.received ?? via.host}${via.port ? `:${via.port}` : ''}`)),
    report() {},
  }
}
