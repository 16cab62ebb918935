/** What went wrong with a peer's certificate or with TLS, and what to do, by OpenSSL's and Node's codes. */
export const tlsAdvice: readonly (readonly [code: string, advice: string])[] = [
  [
    'CERT_HAS_EXPIRED',
    'showed a certificate that has expired; it must be renewed there, or the clock here is wrong',
  ],
  [
    'CERT_NOT_YET_VALID',
    'showed a certificate that is not valid yet; the clock of one of the two hosts is wrong',
  ],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'showed a certificate that it signed itself; where you know it, give that certificate as a trusted authority (ca)',
  ],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'showed a certificate of an authority that is not trusted here; where you know it, give its certificate as ca',
  ],
  [
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'showed a certificate of an authority that is not trusted here; where you know it, give its certificate as ca',
  ],
  [
    'UNABLE_TO_GET_ISSUER_CERT',
    'showed a certificate of an authority that is not known here; where you know it, give its certificate as ca',
  ],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'showed a certificate without those between it and its authority; it must send the whole chain, or give ca',
  ],
  ['CERT_SIGNATURE_FAILURE', 'showed a certificate whose signature is wrong; it is damaged, or forged'],
  ['CERT_REVOKED', 'showed a certificate that was revoked; it must be renewed there'],
  ['INVALID_PURPOSE', 'showed a certificate that was made for something else (extended key usage)'],
  ['INVALID_CA', 'showed a certificate signed by one that is no authority'],
  [
    'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
    'showed no certificate, and clientCertificates requires one; give it one, or set it to request',
  ],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'wants a certificate of ours; give tls.certificates, or certificate for this peer',
  ],
  [
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    'refused the hand-shake: it shares no version or cipher with us, or wants a certificate of ours',
  ],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'does not trust the authority of our certificate; have it told to'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'refused our certificate'],
  [
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
    'refused our certificate; its name may be another than was asked for',
  ],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'says that our certificate has expired; renew it'],
  [
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'does not speak TLS at this port, or only a version too old; ports of SIP over TLS are 5061 by default',
  ],
  ['EPROTO', 'broke the hand-shake off; it may share no version or cipher of TLS with us (1.2 is the least)'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'speaks only versions of TLS that are too old; 1.2 is the least'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'speaks only versions of TLS that are too old; 1.2 is the least'],
  ['ERR_SSL_NO_APPLICATION_PROTOCOL', 'offered no application protocol that we take (ALPN)'],
  [
    'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    'knows none of the application protocols that we offered; leave alpn out for this peer',
  ],
  ['ERR_SSL_HTTP_REQUEST', 'spoke HTTP, and this port speaks TLS'],
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'did not end its hand-shake in time'],
]
