import {
  type CertificateRequest,
  type IssuedCertificate,
  issueCertificate,
} from '../../src/net/certificates.ts'

const DAY = 86_400_000

/** What a client or server may show, made with the code that makes first-use certificates. All but two are of `ca`. */
export interface TestCertificates {
  readonly ca: IssuedCertificate
  readonly otherCa: IssuedCertificate
  /** For 127.0.0.1, ::1 and localhost, and the domains asked for. */
  readonly right: IssuedCertificate
  readonly wrongName: IssuedCertificate
  readonly expired: IssuedCertificate
  readonly notYetValid: IssuedCertificate
  readonly selfSigned: IssuedCertificate
  /** For client.example. */
  readonly client: IssuedCertificate
  /** Right, but of `otherCa`. */
  readonly foreign: IssuedCertificate
}

export async function testCertificates(domains: readonly string[] = []): Promise<TestCertificates> {
  const now = Date.now()
  const valid = { notBefore: now - DAY, notAfter: now + DAY }
  const [ca, otherCa] = await Promise.all([
    issueCertificate({ name: 'test authority', isAuthority: true, ...valid }),
    issueCertificate({ name: 'other authority', isAuthority: true, ...valid }),
  ])
  const here: CertificateRequest = {
    name: 'localhost',
    hosts: ['127.0.0.1', '::1', 'localhost', ...domains],
    issuer: ca,
    ...valid,
  }
  const [right, wrongName, expired, notYetValid, selfSigned, client, foreign] = await Promise.all([
    issueCertificate(here),
    issueCertificate({ ...here, name: 'wrong', hosts: ['wrong.example', '*.wrong.example'] }),
    issueCertificate({ ...here, notBefore: now - 2 * DAY, notAfter: now - DAY }),
    issueCertificate({ ...here, notBefore: now + DAY, notAfter: now + 2 * DAY }),
    issueCertificate({ name: 'localhost', hosts: ['127.0.0.1', 'localhost'], ...valid }),
    issueCertificate({
      ...here,
      name: 'client',
      hosts: ['client.example', '127.0.0.1'],
      uris: ['sip:client.example'],
    }),
    issueCertificate({ ...here, issuer: otherCa }),
  ])
  return { ca, otherCa, right, wrongName, expired, notYetValid, selfSigned, client, foreign }
}
