import { describe, expect, it } from 'vitest'
import { EXTENSION, ID_COUNT, idOfName } from '../../../src/stack/grammar/names.ts'
import { type Header, h, ParseError, parseMessage, type SipMessage } from '../../../src/stack/index.ts'

/** A response with one header more than it must have. */
function withLine(line: string): SipMessage {
  const message = parseMessage(Buffer.from(`SIP/2.0 200 OK\r\n${line}\r\n\r\n`, 'utf8'))
  if (message instanceof ParseError) throw message
  return message
}

/** Each header of feature S1.2: what it is called in `h`, a value as its RFC writes it, and how we write it. */
const examples: readonly (readonly [name: string, token: keyof typeof h, wire: string, ours?: string])[] = [
  ['Accept', 'Accept', 'application/sdp;level=1, text/*;q=0.5', 'application/sdp;level=1, text/*;q=0.5'],
  ['Accept-Contact', 'AcceptContact', '*;audio;+sip.message;methods="INVITE,BYE";require;explicit'],
  ['Accept-Encoding', 'AcceptEncoding', 'gzip;q=1.0, identity; q=0.5', 'gzip;q=1.0, identity;q=0.5'],
  ['Accept-Language', 'AcceptLanguage', 'da, en-gb;q=0.8, *;q=0.1'],
  ['Accept-Resource-Priority', 'AcceptResourcePriority', 'dsn.flash-override, dsn.flash'],
  [
    'Alert-Info',
    'AlertInfo',
    '<http://www.example.com/sounds/moo.wav>;appearance=2, <urn:alert:source:internal>',
  ],
  ['Allow', 'Allow', 'INVITE, ACK, x-UNKNOWN'],
  ['Allow-Events', 'AllowEvents', 'presence, dialog, presence.winfo'],
  ['Answer-Mode', 'AnswerMode', 'Auto;require'],
  ['Priv-Answer-Mode', 'PrivAnswerMode', 'Auto'],
  ['Authentication-Info', 'AuthenticationInfo', 'nextnonce="47364c23432d2e131a5fb210812c", qop=auth'],
  [
    'Authorization',
    'Authorization',
    'Digest username="Alice", realm="atlanta.com",nonce="84a4cc6f3082121f32b42a2187831a9e", nc=00000001',
    'Digest username="Alice", realm="atlanta.com", nonce="84a4cc6f3082121f32b42a2187831a9e", nc=00000001',
  ],
  ['Call-ID', 'CallId', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6@biloxi.com'],
  [
    'Call-Info',
    'CallInfo',
    '<http://wwww.example.com/alice/photo.jpg> ;purpose=icon',
    '<http://wwww.example.com/alice/photo.jpg>;purpose=icon',
  ],
  ['Contact', 'Contact', '"Mr. Watson, jr" <sip:watson@worcester.bell-telephone.com>;q=0.7;expires=3600'],
  ['Content-Disposition', 'ContentDisposition', 'session;handling=optional'],
  ['Content-Encoding', 'ContentEncoding', 'gzip, tar'],
  ['Content-ID', 'ContentId', '<target123@atlanta.example.com>'],
  ['Content-Language', 'ContentLanguage', 'fr, en-US'],
  ['Content-Length', 'ContentLength', '0'],
  ['Content-Transfer-Encoding', 'ContentTransferEncoding', 'binary'],
  ['Content-Type', 'ContentType', 'multipart/mixed;boundary="a b"'],
  ['CSeq', 'CSeq', '4711   INVITE', '4711 INVITE'],
  ['Date', 'Date', 'Sat, 13 Nov 2010 23:29:00 GMT'],
  ['Diversion', 'Diversion', '<sip:bob@example.com>;reason=user-busy;counter=1;privacy=off'],
  ['Error-Info', 'ErrorInfo', '<sip:not-in-service-recording@atlanta.com>'],
  ['Event', 'Event', 'dialog;id=7'],
  ['Expires', 'Expires', '4294967295'],
  ['Feature-Caps', 'FeatureCaps', '*;+g.3gpp.atcf="<tel:+1-237-888-9999>";+g.3gpp.mid-call'],
  ['Flow-Timer', 'FlowTimer', '126'],
  ['From', 'From', 'A. G. Bell <sip:agb@bell-telephone.com>;tag=a48s'],
  [
    'Geolocation',
    'Geolocation',
    '<cid:target123@atlanta.example.com>, <sips:3sdefrhy2jj7@lis.atlanta.example.com>',
  ],
  ['Geolocation-Error', 'GeolocationError', '100;code="Cannot Process Location"'],
  ['Geolocation-Routing', 'GeolocationRouting', 'yes'],
  ['History-Info', 'HistoryInfo', '<sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1'],
  [
    'Identity',
    'Identity',
    'eyJhbGciOiJFUzI1NiJ9.eyJpYXQiOjE0fQ.r-WOl0n_Q;info=<https://biloxi.example.org/biloxi.cer>;alg=ES256;ppt="shaken"',
  ],
  ['Identity-Info', 'IdentityInfo', '<https://atlanta.example.com/atlanta.cer>;alg=rsa-sha1'],
  ['Info-Package', 'InfoPackage', 'foo;a=b'],
  ['In-Reply-To', 'InReplyTo', '70710@saturn.bell-tel.com, 17320@saturn.bell-tel.com'],
  ['Join', 'Join', '12adf2f34456gs5;to-tag=12345;from-tag=54321'],
  ['Max-Breadth', 'MaxBreadth', '60'],
  ['Max-Forwards', 'MaxForwards', '6'],
  ['MIME-Version', 'MimeVersion', '1.0'],
  ['Min-Expires', 'MinExpires', '60'],
  ['Min-SE', 'MinSE', '3600;a=b'],
  ['Organization', 'Organization', 'Boxes by Bob, Zürich'],
  ['P-Access-Network-Info', 'PAccessNetworkInfo', '3GPP-UTRAN-TDD;utran-cell-id-3gpp=234151D0FCE11'],
  ['P-Asserted-Identity', 'PAssertedIdentity', 'Cullen Jennings <sip:fluffy@cisco.com>'],
  ['P-Preferred-Identity', 'PPreferredIdentity', '<tel:+14085264000>'],
  ['P-Associated-URI', 'PAssociatedUri', '<sip:a@example.com>'],
  ['P-Called-Party-ID', 'PCalledPartyId', '<sip:user1-business@example.com>'],
  [
    'P-Charging-Vector',
    'PChargingVector',
    'icid-value="1234bc9876e";icid-generated-at=192.0.6.8;orig-ioi=home1.net',
  ],
  [
    'P-Charging-Function-Addresses',
    'PChargingFunctionAddresses',
    'ccf=192.1.1.1;ccf=192.1.1.2;ecf=[2001:db8::1]',
  ],
  ['P-Early-Media', 'PEarlyMedia', 'sendrecv, gated'],
  ['P-Media-Authorization', 'PMediaAuthorization', '20000100100101706466312e69616e612e'],
  ['P-Visited-Network-ID', 'PVisitedNetworkId', 'other.net, "Visited network number 1"'],
  ['Path', 'Path', '<sip:P3.EXAMPLEHOME.COM;lr>'],
  ['Priority', 'Priority', 'emergency'],
  ['Privacy', 'Privacy', 'header; user ;critical', 'header;user;critical'],
  [
    'Proxy-Authenticate',
    'ProxyAuthenticate',
    'Digest realm="atlanta.com", qop="auth", stale=FALSE, algorithm=MD5',
  ],
  [
    'Proxy-Authentication-Info',
    'ProxyAuthenticationInfo',
    'rspauth="6629fae49393a05397450978507c4ef1", cnonce="0a"',
  ],
  ['Proxy-Authorization', 'ProxyAuthorization', 'Basic QWxpY2U6cGFzcw=='],
  ['Proxy-Require', 'ProxyRequire', 'foo'],
  ['RAck', 'RAck', '776656 1 INVITE'],
  ['Reason', 'Reason', 'SIP;cause=600;text="Busy Everywhere", Q.850;cause=16;text="Terminated"'],
  ['Record-Route', 'RecordRoute', '<sip:server10.biloxi.com;lr>'],
  ['Recv-Info', 'RecvInfo', 'foo, bar;a=b'],
  ['Refer-Sub', 'ReferSub', 'false'],
  [
    'Refer-To',
    'ReferTo',
    '<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE>',
  ],
  [
    'Referred-By',
    'ReferredBy',
    '<sip:referror@referror.example>;cid="20398823.2UWQFN309shb3@referror.example"',
  ],
  ['Reject-Contact', 'RejectContact', '*;actor="msg-taker";video'],
  [
    'Remote-Party-ID',
    'RemotePartyId',
    'John Doe <sip:jdoe@example.com>;party=calling;screen=yes;privacy=off',
  ],
  ['Replaces', 'Replaces', '425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only'],
  ['Reply-To', 'ReplyTo', 'Bob <sip:bob@biloxi.com>'],
  ['Request-Disposition', 'RequestDisposition', 'proxy, recurse, no-fork'],
  ['Require', 'Require', '100rel'],
  ['Resource-Priority', 'ResourcePriority', 'wps.3, dsn.flash'],
  [
    'Retry-After',
    'RetryAfter',
    '18000 (in a (long) meeting) ;duration=3600',
    '18000 (in a \\(long\\) meeting);duration=3600',
  ],
  ['Route', 'Route', '<sip:bigbox3.site3.atlanta.com;lr>'],
  ['RSeq', 'RSeq', '988789'],
  ['Security-Client', 'SecurityClient', 'ipsec-ike;q=0.1, tls;q=0.2'],
  ['Security-Server', 'SecurityServer', 'digest;d-qop=auth;d-ver="0000000000000000000000000000abcd"'],
  ['Security-Verify', 'SecurityVerify', 'tls;q=0.2'],
  ['Server', 'Server', 'HomeServer v2 (Linux)'],
  ['Service-Route', 'ServiceRoute', '<sip:HSP.EXAMPLEHOME.COM;lr>'],
  ['Session-Expires', 'SessionExpires', '1800 ; refresher=uas', '1800;refresher=uas'],
  ['Session-ID', 'SessionId', 'ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2'],
  ['SIP-ETag', 'SipETag', 'dx200xyz'],
  ['SIP-If-Match', 'SipIfMatch', 'dx200xyz'],
  ['Subject', 'Subject', 'Tech support: "über" all, really'],
  ['Subscription-State', 'SubscriptionState', 'terminated;reason=probation;retry-after=30'],
  ['Supported', 'Supported', '100rel, path'],
  ['Suppress-If-Match', 'SuppressIfMatch', '*'],
  ['Target-Dialog', 'TargetDialog', 'fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544'],
  ['Timestamp', 'Timestamp', '54.21 0.5'],
  ['To', 'To', 'The Operator <sip:operator@cs.columbia.edu>;tag=287447'],
  ['Unsupported', 'Unsupported', 'foo'],
  ['User-Agent', 'UserAgent', 'Softphone Beta1.5'],
  ['User-to-User', 'UserToUser', '56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar'],
  [
    'Via',
    'Via',
    'SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1',
    'SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1',
  ],
  [
    'Warning',
    'Warning',
    '307 isi.edu "Session parameter \'foo\' not understood", 301 [2001:db8::1]:5060 "x"',
  ],
  [
    'WWW-Authenticate',
    'WWWAuthenticate',
    'Digest realm="a, \\"b\\"", domain="sip:boxesbybob.com", opaque=""',
  ],
]

describe('S1.2: every header', () => {
  it('has an example here, and each example is another header', () => {
    expect(examples.map(([, token]) => token).sort()).toEqual(Object.keys(h).sort())
  })

  it('is in the table of names, and no other is (RFC 3261 §7.3.3)', () => {
    expect(examples.filter(([name]) => idOfName(name) === EXTENSION)).toEqual([])
    expect(ID_COUNT - 2).toBe(examples.length)
  })

  for (const [name, token, wire, ours] of examples) {
    it(`${name} is h.${token}: what is read is written`, () => {
      const header = h[token] as Header<unknown>
      expect(header.name).toBe(name)
      const values = withLine(`${name}: ${wire}`).all(header)
      const written = values.map(value => header.encode(value)).join(', ')
      expect(written).toBe(ours ?? wire)
      expect(withLine(`${name}: ${written}`).all(header)).toEqual(values)
      expect(withLine(`${name.toUpperCase()} \t: ${wire}`).get(header)).toEqual(values[0])
    })
  }

  it.each([
    ['a', h.AcceptContact],
    ['b', h.ReferredBy],
    ['c', h.ContentType],
    ['d', h.RequestDisposition],
    ['e', h.ContentEncoding],
    ['f', h.From],
    ['i', h.CallId],
    ['j', h.RejectContact],
    ['k', h.Supported],
    ['l', h.ContentLength],
    ['m', h.Contact],
    ['n', h.IdentityInfo],
    ['o', h.Event],
    ['r', h.ReferTo],
    ['s', h.Subject],
    ['t', h.To],
    ['u', h.AllowEvents],
    ['v', h.Via],
    ['x', h.SessionExpires],
    ['y', h.Identity],
  ] as readonly (readonly [string, Header<unknown>])[])(
    'compact form %s (RFC 3261 §7.3.3 and the IANA registry)',
    (compact, header) => {
      const [, , wire = ''] = examples.find(([name]) => name === header.name) ?? []
      expect(withLine(`${compact}: ${wire}`).get(header)).toEqual(
        withLine(`${header.name}: ${wire}`).get(header),
      )
      expect(withLine(`${compact.toUpperCase()}: ${wire}`).has(header)).toBe(true)
    },
  )
})
