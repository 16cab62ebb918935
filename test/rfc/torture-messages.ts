/**
 * A message of our own after each section of RFC 4475 and RFC 5118: the same point in other words. `verdict` is what
 * reading and validating it must come to; what only a transaction user can decide stands in `note`.
 */
export interface TortureMessage {
  readonly section: string
  readonly title: string
  /** One character a byte. */
  readonly text: string
  readonly verdict: 'ok' | 'refused' | { readonly header: string; readonly status: number }
  /** A header that cannot be read, though the message as a whole can. */
  readonly unreadable?: string
  readonly note?: string
}

type Lines = Readonly<Record<string, string | readonly string[] | null>>

/** Headers a plain request has; `changes` replaces the lines of one, adds some, or takes one away with `null`. */
function lines(method: string, body: string, changes: Lines): string {
  const all: Lines = {
    Via: 'SIP/2.0/UDP client.example.net;branch=z9hG4bK-torture-1',
    'Max-Forwards': '70',
    From: '<sip:caller@example.net>;tag=f1',
    To: '<sip:callee@example.com>',
    'Call-ID': 'torture@client.example.net',
    CSeq: `7 ${method}`,
    'Content-Length': String(body.length),
    ...changes,
  }
  let text = ''
  for (const [name, value] of Object.entries(all)) {
    for (const line of value === null ? [] : [value].flat()) text += `${name}: ${line}\r\n`
  }
  return `${text}\r\n${body}`
}

function request(method: string, uri: string, changes: Lines = {}, body: string = ''): string {
  return `${method} ${uri} SIP/2.0\r\n${lines(method, body, changes)}`
}

function response(statusLine: string, changes: Lines = {}): string {
  return `${statusLine}\r\n${lines('OPTIONS', '', { To: '<sip:callee@example.com>;tag=t1', ...changes })}`
}

const bad = (header: string, status: number = 400): { header: string; status: number } => ({ header, status })
const CALLEE = 'sip:callee@example.com'
const SDP =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n'

const rfc4475: readonly TortureMessage[] = [
  {
    section: 'RFC 4475 §3.1.1.1',
    title: 'folds, blanks around every delimiter, odd case, compact forms, empty and unknown headers',
    text:
      'INVITE sip:callee@example.com;nothing SIP/2.0\r\n' +
      'tO :\r\n\t<sip:callee@example.com>  ;\r\n  tag  =  t77\r\n' +
      'f   : "Call \\\\ \\"er\\""     <sip:caller@example.net>\r\n ;\r\n tag =\r\n f77\r\n' +
      'mAX-fORWARDS: 0042\r\ni: fold@client.example.net\r\nl   : 0\r\ncSEQ: 0012\r\n   INVITE\r\n' +
      'VIA  : SIP  /  2.0\r\n /TCP\r\n   client.example.net;branch=old-style\r\n' +
      's :\r\nX-Unheard-Of:  first\r\n second\r\nX-Odd: ,;;,,;\r\n' +
      'rOUTE:\r\n <sip:proxy.example.com;lr;a=b;c>\r\n' +
      'v: SIP/ 2.0 /UDP  two.example.net  ; branch = z9hG4bK2 ,\r\n  SIP/2.0/UDP 192.0.2.3;branch=\r\n z9hG4bK3\r\n' +
      'm:"Empty \\"\\"" <sip:caller@example.net> ; a = b ;\r\n c ; q = 0.9\r\n\r\n',
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.1.2',
    title: 'every character that may stand where it stands',
    text: request("odd-Method!0*_+`.%x'~", "sip:9_odd~(!a)&b+c$/d?,/;;*:&p+q=1,r!*s$t_u.(v'w)@example.com", {
      Via: "SIP/2.0/TLS host.example.com;branch=z9hG4bK-!%*_+`'~",
      To: '"ESC:\\\x1b NUL:\\\0 DEL:\\\x7f" <sip:9_odd@example.com>',
      From: "one~` two'+_ three*%!.- <sip:caller@example.net>;p''~+*_!.-%=\"\xd1\x82\xd0\xb5\";tag=_x~'+`*%!-.",
      'Call-ID': 'odd.word%-!.*_+\'@word`~)(><:\\/"][?}{',
      "X-odd!.%*_+`'~": '\xef\xbb\xbf\xe5\xa4\xa7',
    }),
    verdict: 'ok',
    note: '501 or 405: no one knows the method',
  },
  {
    section: 'RFC 4475 §3.1.1.3',
    title: 'escapes that mean the characters themselves',
    text: request('INVITE', 'sip:sips%3Acaller%40example.net@example.com;transport=tcp%3bx', {
      To: '<sip:%63all%65e@example.com>',
      From: 'Call%65r <sip:I%20am%20%22calling%22@example.net>;tag=f1',
      Contact: '<sip:cal%6Ce%72@client.example.net;%6C%72;n%61me=v%61lue%25%34%31>',
    }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.1.4',
    title: 'an escaped NUL is a character as any other',
    text: request('REGISTER', 'sip:example.com', {
      To: '<sip:zero-%00-zero@example.com>',
      Contact: ['<sip:%00@client.example.net>', '<sip:%00%00@client.example.net>'],
    }),
    verdict: 'ok',
    note: 'a registrar must not end the address of record at the NUL',
  },
  {
    section: 'RFC 4475 §3.1.1.5',
    title: 'a percent sign in a method, a display name and a header name is no escape',
    text: request('OPT%49ONS', CALLEE, {
      To: '"%Z%45" <sip:%63allee@example.com>',
      From: '"%25" <sip:caller@example.net>;tag=f%201',
      'X-%41': 'x',
      C: 'application/%s%64p',
    }),
    verdict: 'ok',
    note: 'the method is not OPTIONS',
  },
  {
    section: 'RFC 4475 §3.1.1.6',
    title: 'no blank between display name and "<"',
    text: request('OPTIONS', CALLEE, { From: 'Caller<sip:caller@example.net>;tag=f1' }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.1.7',
    title: 'long values in every place',
    text: request('INVITE', `sip:${'u'.repeat(200)}@example.com`, {
      To: `"${'Long '.repeat(60)}" <sip:callee@example.com>;${'p'.repeat(200)}=${'v'.repeat(200)};${'q'.repeat(200)}`,
      From: `sip:caller@example.net;tag=${'1'.repeat(300)}`,
      Via: Array.from(
        { length: 40 },
        (_, n) => `SIP/2.0/TCP ${'h'.repeat(60)}${n}.example;branch=z9hG4bK${'b'.repeat(120)}${n}`,
      ),
      'Call-ID': `${'call'.repeat(80)}@example.net`,
      [`X-${'name'.repeat(40)}`]: 'value '.repeat(300),
    }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.1.8',
    title: 'more bytes in the datagram than Content-Length says',
    text: request('REGISTER', 'sip:example.com', { 'Content-Length': '0' }) + request('INVITE', CALLEE),
    verdict: 'ok',
    note: 'over a stream these are two messages',
  },
  {
    section: 'RFC 4475 §3.1.1.9',
    title: 'a semicolon in the user part',
    text: request('OPTIONS', 'sip:callee;x=y%40z@example.com', { To: 'sip:callee;x=y%40z@example.com' }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.1.10',
    title: 'transports of all sorts in Via',
    text: request('OPTIONS', CALLEE, {
      Via: ['UDP', 'SCTP', 'TLS', 'X-NEVER-HEARD', 'TCP'].map(
        t => `SIP/2.0/${t} h.example;branch=z9hG4bK${t}`,
      ),
    }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.1.11',
    title: 'a binary part with NUL and bare CR in a multipart body',
    text: request(
      'MESSAGE',
      CALLEE,
      { 'Content-Type': 'multipart/mixed;boundary=7a9' },
      '--7a9\r\nContent-Type: text/plain\r\n\r\nHi\r\n--7a9\r\nContent-Type: application/octet-stream\r\n' +
        'Content-Transfer-Encoding: binary\r\n\r\n\x00\x01\r\x02\n\xff\r\n--7a9--',
    ),
    verdict: 'ok',
    note: '415 where multipart is not understood',
  },
  {
    section: 'RFC 4475 §3.1.1.12',
    title: 'a reason phrase in UTF-8',
    text: response('SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe'),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.1.13',
    title: 'an empty reason phrase',
    text: response('SIP/2.0 100 '),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.1.2.1',
    title: 'separators with nothing between them',
    text: request('INVITE', CALLEE, {
      Via: 'SIP/2.0/UDP client.example.net;;,;,,',
      Contact: '"C" <sip:c@d>;;,,;,,',
    }),
    verdict: bad('Via'),
  },
  {
    section: 'RFC 4475 §3.1.2.2',
    title: 'Content-Length above what arrived',
    text: request('INVITE', CALLEE, { 'Content-Length': '9000', 'Content-Type': 'application/sdp' }, SDP),
    verdict: bad('Content-Length'),
    note: 'over a stream: wait for more',
  },
  {
    section: 'RFC 4475 §3.1.2.3',
    title: 'negative Content-Length',
    text: request('INVITE', CALLEE, { 'Content-Length': '-9' }),
    verdict: bad('Content-Length'),
    note: 'over a stream the connection must be closed',
  },
  {
    section: 'RFC 4475 §3.1.2.4',
    title: 'numbers above their bounds in a request',
    text: request('REGISTER', 'sip:example.com', {
      CSeq: '2147483648 REGISTER',
      'Max-Forwards': '301',
      Expires: '99999999999',
      Contact: '<sip:c@client.example.net>;expires=300000000000',
    }),
    verdict: bad('CSeq'),
    unreadable: 'Expires',
  },
  {
    section: 'RFC 4475 §3.1.2.5',
    title: 'numbers above their bounds in a response',
    text: response('SIP/2.0 503 Service Unavailable', {
      CSeq: '99999999999999999999999 OPTIONS',
      'Retry-After': '88888888888888888888',
      Warning: '18888 x "too far"',
    }),
    verdict: bad('CSeq'),
    unreadable: 'Retry-After',
    note: 'dropped, as every malformed response is',
  },
  {
    section: 'RFC 4475 §3.1.2.6',
    title: 'a quoted string that is never closed',
    text: request('INVITE', CALLEE, { To: '"Callee <sip:callee@example.com>;tag=x' }),
    verdict: bad('To'),
  },
  {
    section: 'RFC 4475 §3.1.2.7',
    title: 'a Request-URI in angle brackets',
    text: request('INVITE', '<sip:callee@example.com>'),
    verdict: bad('Request-URI'),
  },
  {
    section: 'RFC 4475 §3.1.2.8',
    title: 'a blank within the Request-URI',
    text: request('INVITE', 'sip:callee@example.com; lr'),
    verdict: bad('Request-URI'),
  },
  {
    section: 'RFC 4475 §3.1.2.9',
    title: 'two blanks between the parts of the start line',
    text: request('INVITE', ' sip:callee@example.com '),
    verdict: bad('Request-URI'),
  },
  {
    section: 'RFC 4475 §3.1.2.10',
    title: "a blank at the start line's end",
    text: `OPTIONS ${CALLEE} SIP/2.0 \r\n${lines('OPTIONS', '', {})}`,
    verdict: bad('start line'),
  },
  {
    section: 'RFC 4475 §3.1.2.11',
    title: 'headers in the Request-URI',
    text: request('INVITE', 'sip:callee@example.com?Route=%3Csip:example.org%3E'),
    verdict: bad('Request-URI'),
  },
  {
    section: 'RFC 4475 §3.1.2.12',
    title: 'a Date in another zone than GMT',
    text: request('INVITE', CALLEE, { Date: 'Mon, 02 Mar 2015 12:00:00 CET' }),
    verdict: 'ok',
    unreadable: 'Date',
    note: '400 from one who needs the date',
  },
  {
    section: 'RFC 4475 §3.1.2.13',
    title: 'a Contact with headers and no angle brackets',
    text: request('REGISTER', 'sip:example.com', {
      Contact: 'sip:c@client.example.net?Route=%3Csip:example.org%3E',
    }),
    verdict: 'ok',
    unreadable: 'Contact',
    note: '400 from a registrar',
  },
  {
    section: 'RFC 4475 §3.1.2.14',
    title: 'blanks within angle brackets',
    text: request('OPTIONS', CALLEE, { To: '"Callee" < sip:callee@example.com >' }),
    verdict: bad('To'),
  },
  {
    section: 'RFC 4475 §3.1.2.15',
    title: 'a display name of no tokens without quotes',
    text: request('OPTIONS', CALLEE, { To: 'Callee, the <sip:callee@example.com>' }),
    verdict: bad('To'),
  },
  {
    section: 'RFC 4475 §3.1.2.16',
    title: 'another version of the protocol',
    text: `OPTIONS ${CALLEE} SIP/3.0\r\n${lines('OPTIONS', '', { Via: 'SIP/3.0/UDP c.example.net;branch=z9hG4bK1' })}`,
    verdict: bad('start line', 505),
  },
  {
    section: 'RFC 4475 §3.1.2.17',
    title: 'another method in CSeq',
    text: request('OPTIONS', CALLEE, { CSeq: '7 INVITE' }),
    verdict: bad('CSeq'),
  },
  {
    section: 'RFC 4475 §3.1.2.18',
    title: 'another method in CSeq, and an unknown one in the start line',
    text: request('UNHEARD', CALLEE, { CSeq: '7 INVITE' }),
    verdict: bad('CSeq'),
    note: '501 is as good an answer',
  },
  {
    section: 'RFC 4475 §3.1.2.19',
    title: 'a status code that wraps around',
    text: response('SIP/2.0 4294967496 better not break the receiver'),
    verdict: 'refused',
    note: 'dropped',
  },
  {
    section: 'RFC 4475 §3.2.1',
    title: 'a branch of the magic cookie alone',
    text: request('OPTIONS', CALLEE, { Via: 'SIP/2.0/UDP client.example.net;branch=z9hG4bK' }),
    verdict: 'ok',
    note: 'the transaction layer matches it as RFC 2543 did, or answers 400',
  },
  {
    section: 'RFC 4475 §3.3.1',
    title: 'headers that every request needs are missing',
    text: request('INVITE', CALLEE, { 'Call-ID': null, From: null, To: null }),
    verdict: bad('From'),
  },
  {
    section: 'RFC 4475 §3.3.2',
    title: 'an unknown scheme in the Request-URI',
    text: request('OPTIONS', 'nobodyKnows:totally-opaque'),
    verdict: 'ok',
    note: '416',
  },
  {
    section: 'RFC 4475 §3.3.3',
    title: 'a known scheme that is not SIP',
    text: request('OPTIONS', 'http://callee.example.com:8080'),
    verdict: 'ok',
    note: '416',
  },
  {
    section: 'RFC 4475 §3.3.4',
    title: 'unknown schemes in To, From and Contact',
    text: request('REGISTER', 'sip:example.com', {
      To: 'isbn:9780131873711',
      From: '<http://caller.example.net>;tag=f1',
      Contact: '<name:John_Smith>',
    }),
    verdict: 'ok',
    note: '400 from a registrar',
  },
  {
    section: 'RFC 4475 §3.3.5',
    title: 'extensions that are required and unknown',
    text: request('OPTIONS', CALLEE, { Require: 'a-thing, another-thing', 'Proxy-Require': 'a-third' }),
    verdict: 'ok',
    note: '420 with Unsupported',
  },
  {
    section: 'RFC 4475 §3.3.6',
    title: 'an unknown body',
    text: request(
      'INVITE',
      CALLEE,
      { 'Content-Type': 'application/unheard-of' },
      '<audio><pcmu/></audio>\r\n',
    ),
    verdict: 'ok',
    note: '415',
  },
  {
    section: 'RFC 4475 §3.3.7',
    title: 'an unknown authentication scheme',
    text: request('REGISTER', 'sip:example.com', { Authorization: 'Never-Heard a="b", c=d' }),
    verdict: 'ok',
    note: '401, or as if it were not there',
  },
  {
    section: 'RFC 4475 §3.3.8',
    title: 'headers twice that may stand once',
    text: request('INVITE', CALLEE, { CSeq: ['7 INVITE', '8 INVITE'], 'Call-ID': ['a@b', 'c@d'] }),
    verdict: bad('Call-ID'),
  },
  {
    section: 'RFC 4475 §3.3.9',
    title: 'Content-Length twice with two values',
    text: request('OPTIONS', CALLEE, { 'Content-Length': ['5', '0'] }, 'abcde'),
    verdict: bad('Content-Length'),
  },
  {
    section: 'RFC 4475 §3.3.10',
    title: 'a response whose Via points to broadcast',
    text: response('SIP/2.0 200 OK', {
      Via: ['SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1', 'SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2'],
    }),
    verdict: 'ok',
    note: 'dropped by who is not the top Via; never sent to 255.255.255.255',
  },
  {
    section: 'RFC 4475 §3.3.11',
    title: 'Max-Forwards of zero',
    text: request('OPTIONS', CALLEE, { 'Max-Forwards': '0' }),
    verdict: 'ok',
    note: '483 from a proxy, 200 from the addressee',
  },
  {
    section: 'RFC 4475 §3.3.12',
    title: 'an unknown parameter of a Contact',
    text: request('REGISTER', 'sip:example.com', { Contact: 'sip:c@client.example.net;unknown' }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.3.13',
    title: "an unknown parameter of a Contact's URI",
    text: request('REGISTER', 'sip:example.com', { Contact: '<sip:c@client.example.net;unknown>' }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.3.14',
    title: 'an escaped header in a Contact',
    text: request('REGISTER', 'sip:example.com', { Contact: '<sip:c@d.example?Route=%3Csip:e.example%3E>' }),
    verdict: 'ok',
  },
  {
    section: 'RFC 4475 §3.3.15',
    title: 'a body that is not acceptable',
    text: request('INVITE', CALLEE, { Accept: 'text/x-other', 'Content-Type': 'application/sdp' }, SDP),
    verdict: 'ok',
    note: '406',
  },
  {
    section: 'RFC 4475 §3.4.1',
    title: 'a request of RFC 2543: no branch, no tag, no Max-Forwards',
    text: request('INVITE', CALLEE, {
      Via: 'SIP/2.0/UDP old.example.net',
      From: 'sip:caller@example.net',
      'Max-Forwards': null,
      'Record-Route': '<sip:callee@example.com;maddr=192.0.2.5>',
    }),
    verdict: 'ok',
  },
]

const rfc5118: readonly TortureMessage[] = [
  {
    section: 'RFC 5118 §4.1',
    title: 'an IPv6 reference',
    text: request('OPTIONS', 'sip:[2001:db8::9]'),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.2',
    title: 'an IPv6 address without brackets',
    text: request('OPTIONS', 'sip:2001:db8::9'),
    verdict: bad('Request-URI'),
  },
  {
    section: 'RFC 5118 §4.3',
    title: 'what looks like a port within the brackets',
    text: request('OPTIONS', 'sip:[2001:db8::9:5090]'),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.4',
    title: 'a port behind the brackets',
    text: request('OPTIONS', 'sip:[2001:db8::9]:5090'),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.5',
    title: 'received with and without brackets',
    text: request('OPTIONS', CALLEE, {
      Via: [
        'SIP/2.0/UDP [2001:db8::9]:5061;received=[2001:db8::1];branch=z9hG4bK1',
        'SIP/2.0/UDP [2001:db8::8];received=2001:db8::2;branch=z9hG4bK2',
      ],
    }),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.6',
    title: 'IPv6 in SDP',
    text: request(
      'INVITE',
      CALLEE,
      { 'Content-Type': 'application/sdp' },
      SDP.replaceAll('IP4 192.0.2.9', 'IP6 2001:db8::9'),
    ),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.7',
    title: "both families in one message's headers",
    text: request('BYE', 'sip:callee@host.example.com', {
      Via: ['SIP/2.0/UDP [2001:db8::9]:6050;branch=z9hG4bK1', 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2'],
    }),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.8',
    title: 'both families in one body',
    text: request(
      'INVITE',
      CALLEE,
      { 'Content-Type': 'application/sdp' },
      `${SDP}m=video 9002 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n`,
    ),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.9',
    title: 'an IPv4 address mapped into IPv6',
    text: request('OPTIONS', 'sip:[::ffff:192.0.2.9]:5060', {
      Via: 'SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bK1',
    }),
    verdict: 'ok',
  },
  {
    section: 'RFC 5118 §4.10',
    title: 'three colons, as an old grammar had it',
    text: request('OPTIONS', 'sip:callee@[2001:db8:::192.0.2.9]'),
    verdict: 'ok',
  },
]

export const tortureMessages: readonly TortureMessage[] = [...rfc4475, ...rfc5118]
