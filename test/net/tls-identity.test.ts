import { X509Certificate } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import {
  type CertificateNames,
  certificateNames,
  identityError,
  proves,
  sipDomains,
} from '../../src/net/tls-identity.ts'
import { testCertificate } from './certificate.ts'

function names(subjectAltName: string | undefined, commonName?: string): CertificateNames {
  return certificateNames({
    subjectAltName,
    subject: commonName === undefined ? '' : `O=Some\nCN=${commonName}`,
  })
}

describe('the SIP domains of a certificate, RFC 5922 §7.1', () => {
  test.each([
    ['a sip URI alone is accepted', 'URI:sip:Example.com', ['example.com']],
    ['it goes before DNS names', 'DNS:host.example.com, URI:sip:example.com', ['example.com']],
    ['its scheme is told in any case', 'URI:SIP:example.com', ['example.com']],
    ['port and parameters do not count', 'URI:sip:example.com:5061;transport=tls', ['example.com']],
    [
      'one with a user is nobody’s domain',
      'URI:sip:alice@example.com, DNS:host.example.com',
      ['host.example.com'],
    ],
    [
      'another scheme is not accepted',
      'URI:sips:example.com, URI:https://x.example, DNS:a.example',
      ['a.example'],
    ],
    ['an address in a URI', 'URI:sip:[2001:DB8::1]', ['2001:db8::1']],
    ['DNS names, all of them', 'DNS:a.example, DNS:B.example', ['a.example', 'b.example']],
    ['what is no host name is none', 'DNS:a b, DNS:, URI:sip:%41.example', []],
  ])('%s', (_, text, domains) => expect(sipDomains(names(text))).toEqual(domains))

  it('takes the common name only where there is no subjectAltName', () => {
    expect(sipDomains(names(undefined, 'example.com'))).toEqual(['example.com'])
    expect(sipDomains(names('URI:https://x.example', 'example.com'))).toEqual([])
    expect(sipDomains(names('IP Address:192.0.2.1', 'example.com'))).toEqual([])
    expect(sipDomains(names(undefined, 'Example Ltd.'))).toEqual([])
  })

  it('is not led astray by a value that pretends to be several', () => {
    const forged = names('URI:"sip:evil.example\\", DNS:bank.example", DNS:good.example')
    expect(forged.dns).toEqual(['good.example'])
    expect(proves(forged, 'bank.example')).toBe(false)
    expect(proves(names('DNS:"bank.example\\u0000.evil.example"'), 'bank.example')).toBe(false)
  })

  it('reads a real certificate', () => {
    const read = certificateNames(new X509Certificate(testCertificate))
    expect(read).toMatchObject({ dns: ['turn.test'], addresses: ['127.0.0.1'], commonNames: ['turn.test'] })
  })
})

describe('whether a certificate proves a domain, RFC 5922 §7.2', () => {
  test.each([
    ['example.com', 'DNS:EXAMPLE.com', true],
    ['Example.COM.', 'DNS:example.com', true],
    ['foo.example.com', 'DNS:example.com', false],
    ['example.com', 'DNS:foo.example.com', false],
    ['foo.example.com', 'DNS:*.example.com', false],
    ['foo.example.com', 'DNS:.example.com', false],
    ['example.com', 'URI:sip:example.com', true],
    ['host.example.com', 'URI:sip:example.com, DNS:host.example.com', false],
    ['bücher.example', 'DNS:xn--bcher-kva.example', true],
    ['192.0.2.1', 'IP Address:192.0.2.1', true],
    ['192.0.2.1', 'DNS:192.0.2.1.example', false],
    ['2001:db8::1', 'IP Address:2001:DB8:0:0:0:0:0:1', true],
    ['[2001:db8::1]', 'IP Address:2001:DB8:0:0:0:0:0:1', true],
    ['', 'DNS:example.com', false],
  ])('%s by %s: %s', (domain, text, expected) => expect(proves(names(text), domain)).toBe(expected))

  it('takes a wildcard for one label, where that was asked for as unsafe', () => {
    const wild = names('DNS:*.example.com')
    const unsafe = { unsafeWildcards: true }
    expect(proves(wild, 'foo.example.com', unsafe)).toBe(true)
    expect(proves(wild, 'a.foo.example.com', unsafe)).toBe(false)
    expect(proves(wild, 'example.com', unsafe)).toBe(false)
    expect(proves(names('DNS:*.com'), 'example.com', unsafe)).toBe(false)
  })

  it('says which names there are, and what to do', () => {
    const { code, message } = identityError(names('DNS:a.example, IP Address:192.0.2.1'), 'b.example')
    expect(code).toBe('ERR_TLS_IDENTITY')
    expect(message).toContain(
      'does not prove b.example: it is for a.example, 192.0.2.1; have a certificate issued',
    )
    expect(identityError(names('DNS:*.example.com'), 'a.example.com').message).toContain('unsafeWildcards')
    expect(identityError(names(undefined), 'a.example').message).toContain('it is for no SIP domain')
  })
})
