const BODY =
  '--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n' +
  'm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\na=rtpmap:0 PCMU/8000\r\n' +
  '--x\r\nContent-Type: message/sipfrag\r\n\r\nSIP/2.0 200 OK\r\n--x--\r\n'

/** A valid request with headers of every grammar, to be mutated. */
export const richMessage: string = `INVITE sips:bob:pw@[2001:db8::1]:5061;transport=tcp;lr SIP/2.0\r
Via: SIP/2.0/TLS [2001:db8::9]:5061;branch=z9hG4bKnashds8;rport;received=192.0.2.1, SIP/2.0/UDP b.example;branch=z9hG4bK2\r
Max-Forwards: 70\r
From: "Alice \\"A\\" é" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r
To: Bob B <sip:bob@biloxi.example.com;user=phone?Subject=x>;x="y;z"\r
Call-ID: 3848276298220188511@atlanta.example.com\r
CSeq: 1 INVITE\r
Contact: <sip:alice@client.example.com;gr=x>;q=0.5;expires=60;+sip.instance="<urn:uuid:0>";audio\r
Route: <sip:p1.example.com;lr>, "a, b" <sip:p2.example.com;lr>\r
Authorization: Digest username="alice", realm="a,b", nonce="84a4\\"c", uri="sip:b", response="7587", nc=00000001\r
Proxy-Authorization: Basic QWxpY2U6cGFzcw==\r
Accept: application/sdp;level=1, text/*;q=0.5\r
Accept-Language: da, en-gb;q=0.8\r
Alert-Info: <http://www.example.com/sounds/moo.wav>;appearance=2\r
Allow: INVITE, ACK, OPTIONS\r
Date: Sat, 13 Nov 2010 23:29:00 GMT\r
Event: dialog;id=7\r
Geolocation-Error: 100;code="Cannot Process Location"\r
Identity: eyJhbGci.eyJpYXQ.r-WOl0n_Q;info=<https://biloxi.example.org/biloxi.cer>;alg=ES256\r
P-Charging-Vector: icid-value="1234bc";icid-generated-at=192.0.6.8\r
Privacy: header;user;critical\r
RAck: 776656 1 INVITE\r
Reason: SIP;cause=600;text="Busy", Q.850;cause=16\r
Refer-To: <sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345>\r
Replaces: 425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only\r
Resource-Priority: wps.3, dsn.flash\r
Retry-After: 18000 (in a (long) meeting) ;duration=3600\r
Session-Expires: 1800;refresher=uas\r
Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2\r
Subject: Tech support: "über" all\r
Subscription-State: terminated;reason=probation;retry-after=30\r
Timestamp: 54.21 0.5\r
User-to-User: "56 a3";encoding=hex\r
Warning: 307 isi.edu "Session parameter 'foo' not understood"\r
X-Unknown: a\r
 b\r
Content-Type: multipart/mixed;boundary=x\r
Content-Length: ${BODY.length}\r
\r
${BODY}`
