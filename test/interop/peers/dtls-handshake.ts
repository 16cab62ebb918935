import type { DtlsFactory, DtlsKeys } from '../../../src/media/dtls/index.ts'
import { DtlsParty } from './dtls-party.ts'
import { freePort, type OpensslIdentities, type OpensslOptions, OpensslPeer, Relay } from './openssl.ts'

const LABEL = 'EXTRACTOR-dtls_srtp'
const WITHIN = 10_000

export interface OpensslHandshake {
  readonly keys: DtlsKeys | undefined
  readonly theirs: Buffer | undefined
  readonly exported: Buffer | undefined
  readonly error: Error | undefined
  readonly log: string
}

export interface OpensslHandshakeOptions extends OpensslOptions {
  /** Puts a relay between the two, which loses a datagram where this says so. */
  readonly lose?: () => boolean
  readonly within?: number
}

/** One handshake of ours, in the role told, with a fresh program. */
export async function handshakeWith(
  identities: OpensslIdentities,
  role: 'client' | 'server',
  factory: DtlsFactory,
  options: OpensslHandshakeOptions,
): Promise<OpensslHandshake> {
  const { lose, within = WITHIN, mtu } = options
  const fingerprint = identities.fingerprint(options.key ?? 'EC')
  const party = await DtlsParty.open(factory, role, fingerprint, within, mtu === undefined ? {} : { mtu })
  const port = role === 'client' ? await freePort() : party.port
  const relay = lose && (await Relay.open(port, lose))
  const target = relay?.port ?? port
  const peer =
    role === 'client'
      ? new OpensslPeer('server', port, identities, options)
      : new OpensslPeer('client', target, identities, options)
  try {
    if (role === 'client') {
      await peer.listening()
      party.start(target)
    }
    const [keys, theirs] = await Promise.all([party.keys, peer.keyingMaterial(within)])
    const exported = keys && party.endpoint.exportKeyingMaterial(LABEL, options.length ?? 60)
    return { keys, theirs, exported, error: party.error, log: peer.log }
  } finally {
    party.close()
    relay?.close()
    await peer.stop()
  }
}

/** Two programs with each other, as what ours are compared with; whether both came to the same keys. */
export async function opensslAlone(
  identities: OpensslIdentities,
  lose: () => boolean,
  within: number,
): Promise<boolean> {
  const port = await freePort()
  const relay = await Relay.open(port, lose)
  const server = new OpensslPeer('server', port, identities)
  await server.listening()
  const client = new OpensslPeer('client', relay.port, identities)
  try {
    const [one, other] = await Promise.all([client.keyingMaterial(within), server.keyingMaterial(within)])
    return one !== undefined && other !== undefined && one.equals(other)
  } finally {
    relay.close()
    await client.stop()
    await server.stop()
  }
}
