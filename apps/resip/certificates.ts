import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { firstUseCertificates, type TlsOptions, UsageError } from 'resip/stack'

export interface CertificateFlags {
  readonly certificate?: string
  readonly key?: string
  readonly ca?: string
}

/** The options that say what is shown to others over TLS, and whom we trust. */
export function withCertificates(command: Command): Command {
  return command
    .option('--certificate <file>', 'our certificate for tls and wss, PEM')
    .option('--key <file>', 'the key that belongs to it, PEM')
    .option('--ca <file>', "the authorities to trust, PEM; Node's own unless given")
}

/** @throws UsageError where a file cannot be read, or one of certificate and key is missing */
export function tlsOptions({ certificate, key, ca }: CertificateFlags): TlsOptions {
  if ((certificate === undefined) !== (key === undefined))
    throw new UsageError('ERR_TLS_FILES', '--certificate and --key belong together; give both')
  return {
    ...(certificate !== undefined &&
      key !== undefined && { certificates: [{ certificate: read(certificate), key: read(key) }] }),
    ...(ca !== undefined && { ca: read(ca) }),
  }
}

/** What a listener shows: the files given, else certificates that are made on first use and kept below the home folder. */
export async function serverTlsOptions(
  flags: CertificateFlags,
  hosts: readonly string[],
): Promise<TlsOptions> {
  const given = tlsOptions(flags)
  if (given.certificates !== undefined) return given
  const directory = join(homedir(), '.resip', 'certificates')
  const { certificates, ca } = await firstUseCertificates({ directory, domains: hosts })
  return { certificates, ca, ...given }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    throw new UsageError('ERR_TLS_FILES', `${path} cannot be read`, { cause: error })
  }
}
