/**
 * The `h` namespace: every header the stack knows, each a token for `get`, `all`, `has`, `set` …
 *
 * A header is called as in its RFC, without the hyphens: `h.RecordRoute`, `h.PAssertedIdentity`, `h.WWWAuthenticate`.
 * ID, SIP, MIME and URI are written as the words they have become: `h.CallId`, `h.SipETag`, `h.MimeVersion`,
 * `h.PAssociatedUri`.
 */
import { type Header, header } from '../grammar/header.ts'
import type { Method } from '../grammar/method.ts'
import type { NameAddr } from '../grammar/name-addr.ts'
import type { Params } from '../grammar/params.ts'
import { address, addresses, contacts } from './address.ts'
import { type Auth, auth, authInfo } from './auth.ts'
import { charging } from './charging.ts'
import { type CSeq as CSeqValue, parseCSeq } from './cseq.ts'
import { date } from './date.ts'
import {
  type Event as EventValue,
  event,
  type SubscriptionState as StateValue,
  subscriptionState,
} from './event.ts'
import { type GeolocationError as GeolocationErrorValue, geolocationError } from './geolocation.ts'
import { type Identity as IdentityValue, identity, privacy } from './identity.ts'
import { type Info, info, infos } from './info.ts'
import { type Mime, mediaRanges, mediaType } from './mime.ts'
import { hops, number } from './number.ts'
import { type RAck as RAckValue, rack } from './rack.ts'
import { type Reason as ReasonValue, reasons } from './reason.ts'
import { type DialogReference, replaces, targetDialog } from './replaces.ts'
import { type ResourcePriority as ResourcePriorityValue, resourcePriorities } from './resource-priority.ts'
import { type RetryAfter as RetryAfterValue, retryAfter } from './retry-after.ts'
import { type SessionId as SessionIdValue, sessionId } from './session-id.ts'
import { type SessionInterval, sessionInterval } from './session-timer.ts'
import { callId, callIds, contentId, text } from './text.ts'
import { type Timestamp as TimestampValue, timestamp } from './timestamp.ts'
import {
  methodList,
  type Token,
  token,
  tokens,
  tokensOrQuoted,
  tokensWithParams,
  tokenWithParams,
} from './token.ts'
import { parseVia, type Via as ViaValue } from './via.ts'
import { type Warning as WarningValue, warnings } from './warning.ts'

// what every message has, and its way
export const Via: Header<ViaValue> = header('Via', {
  parse: parseVia,
  encode: value => value.toString(),
  values: 'line',
})
export const From: Header<NameAddr> = header('From', address)
export const To: Header<NameAddr> = header('To', address)
export const CallId: Header<string> = header('Call-ID', callId)
export const CSeq: Header<CSeqValue> = header('CSeq', { parse: parseCSeq, encode: value => value.toString() })
export const MaxForwards: Header<number> = header('Max-Forwards', hops)
export const MaxBreadth: Header<number> = header('Max-Breadth', number)
export const Contact: Header<NameAddr> = header('Contact', contacts)
export const Route: Header<NameAddr> = header('Route', addresses)
export const RecordRoute: Header<NameAddr> = header('Record-Route', addresses)
export const Path: Header<NameAddr> = header('Path', addresses)
export const ServiceRoute: Header<NameAddr> = header('Service-Route', addresses)
export const FlowTimer: Header<number> = header('Flow-Timer', number)
export const Timestamp: Header<TimestampValue> = header('Timestamp', timestamp)
// biome-ignore lint/suspicious/noShadowRestrictedNames: it is what the header is called, and h. stands in front of it
export const Date: Header<number> = header('Date', date)
export const Expires: Header<number> = header('Expires', number)
export const MinExpires: Header<number> = header('Min-Expires', number)
export const RetryAfter: Header<RetryAfterValue> = header('Retry-After', retryAfter)

// bodies
export const ContentLength: Header<number> = header('Content-Length', number)
export const ContentType: Header<Mime> = header('Content-Type', mediaType)
export const ContentDisposition: Header<Token> = header('Content-Disposition', tokenWithParams)
export const ContentEncoding: Header<string> = header('Content-Encoding', tokens)
export const ContentId: Header<string> = header('Content-ID', contentId)
export const ContentLanguage: Header<string> = header('Content-Language', tokens)
export const ContentTransferEncoding: Header<string> = header('Content-Transfer-Encoding', token)
export const MimeVersion: Header<string> = header('MIME-Version', token)
export const Accept: Header<Mime> = header('Accept', mediaRanges)
export const AcceptEncoding: Header<Token> = header('Accept-Encoding', tokensWithParams)
export const AcceptLanguage: Header<Token> = header('Accept-Language', tokensWithParams)

// what a peer can do and wants
export const Allow: Header<Method> = header('Allow', methodList)
export const Supported: Header<string> = header('Supported', tokens)
export const Require: Header<string> = header('Require', tokens)
export const ProxyRequire: Header<string> = header('Proxy-Require', tokens)
export const Unsupported: Header<string> = header('Unsupported', tokens)
export const AcceptContact: Header<Token> = header('Accept-Contact', tokensWithParams)
export const RejectContact: Header<Token> = header('Reject-Contact', tokensWithParams)
export const RequestDisposition: Header<string> = header('Request-Disposition', tokens)
export const FeatureCaps: Header<Token> = header('Feature-Caps', tokensWithParams)
export const AnswerMode: Header<Token> = header('Answer-Mode', tokenWithParams)
export const PrivAnswerMode: Header<Token> = header('Priv-Answer-Mode', tokenWithParams)
export const InfoPackage: Header<Token> = header('Info-Package', tokenWithParams)
export const RecvInfo: Header<Token> = header('Recv-Info', tokensWithParams)
export const ResourcePriority: Header<ResourcePriorityValue> = header('Resource-Priority', resourcePriorities)
export const AcceptResourcePriority: Header<ResourcePriorityValue> = header(
  'Accept-Resource-Priority',
  resourcePriorities,
)

// for people
export const UserAgent: Header<string> = header('User-Agent', text)
export const Server: Header<string> = header('Server', text)
export const Subject: Header<string> = header('Subject', text)
export const Organization: Header<string> = header('Organization', text)
export const Priority: Header<string> = header('Priority', token)
export const ReplyTo: Header<NameAddr> = header('Reply-To', address)
export const InReplyTo: Header<string> = header('In-Reply-To', callIds)
export const AlertInfo: Header<Info> = header('Alert-Info', infos)
export const CallInfo: Header<Info> = header('Call-Info', infos)
export const ErrorInfo: Header<Info> = header('Error-Info', infos)
export const Warning: Header<WarningValue> = header('Warning', warnings)
export const Reason: Header<ReasonValue> = header('Reason', reasons)

// authentication and identity
export const Authorization: Header<Auth> = header('Authorization', auth)
export const ProxyAuthorization: Header<Auth> = header('Proxy-Authorization', auth)
export const WWWAuthenticate: Header<Auth> = header('WWW-Authenticate', auth)
export const ProxyAuthenticate: Header<Auth> = header('Proxy-Authenticate', auth)
export const AuthenticationInfo: Header<Params> = header('Authentication-Info', authInfo)
export const ProxyAuthenticationInfo: Header<Params> = header('Proxy-Authentication-Info', authInfo)
export const Identity: Header<IdentityValue> = header('Identity', identity)
export const IdentityInfo: Header<Info> = header('Identity-Info', info)
export const Privacy: Header<readonly string[]> = header('Privacy', privacy)
export const PAssertedIdentity: Header<NameAddr> = header('P-Asserted-Identity', addresses)
export const PPreferredIdentity: Header<NameAddr> = header('P-Preferred-Identity', addresses)
export const RemotePartyId: Header<NameAddr> = header('Remote-Party-ID', addresses)
export const SecurityClient: Header<Token> = header('Security-Client', tokensWithParams)
export const SecurityServer: Header<Token> = header('Security-Server', tokensWithParams)
export const SecurityVerify: Header<Token> = header('Security-Verify', tokensWithParams)

// dialogs, sessions, transfers
export const SessionExpires: Header<SessionInterval> = header('Session-Expires', sessionInterval)
export const MinSE: Header<SessionInterval> = header('Min-SE', sessionInterval)
export const RSeq: Header<number> = header('RSeq', number)
export const RAck: Header<RAckValue> = header('RAck', rack)
export const Replaces: Header<DialogReference> = header('Replaces', replaces)
export const Join: Header<DialogReference> = header('Join', replaces)
export const TargetDialog: Header<DialogReference> = header('Target-Dialog', targetDialog)
export const ReferTo: Header<NameAddr> = header('Refer-To', address)
export const ReferredBy: Header<NameAddr> = header('Referred-By', address)
export const ReferSub: Header<Token> = header('Refer-Sub', tokenWithParams)
export const SessionId: Header<SessionIdValue> = header('Session-ID', sessionId)
export const HistoryInfo: Header<NameAddr> = header('History-Info', addresses)
export const Diversion: Header<NameAddr> = header('Diversion', addresses)
export const UserToUser: Header<Token> = header('User-to-User', tokensOrQuoted)

// events
export const Event: Header<EventValue> = header('Event', event)
export const AllowEvents: Header<string> = header('Allow-Events', tokens)
export const SubscriptionState: Header<StateValue> = header('Subscription-State', subscriptionState)
export const SipETag: Header<string> = header('SIP-ETag', token)
export const SipIfMatch: Header<string> = header('SIP-If-Match', token)
export const SuppressIfMatch: Header<string> = header('Suppress-If-Match', token)

// location and the networks of 3GPP
export const Geolocation: Header<Info> = header('Geolocation', infos)
export const GeolocationError: Header<GeolocationErrorValue> = header('Geolocation-Error', geolocationError)
export const GeolocationRouting: Header<string> = header('Geolocation-Routing', token)
export const PAccessNetworkInfo: Header<Token> = header('P-Access-Network-Info', tokensWithParams)
export const PAssociatedUri: Header<NameAddr> = header('P-Associated-URI', addresses)
export const PCalledPartyId: Header<NameAddr> = header('P-Called-Party-ID', address)
export const PChargingVector: Header<Params> = header('P-Charging-Vector', charging)
export const PChargingFunctionAddresses: Header<Params> = header('P-Charging-Function-Addresses', charging)
export const PEarlyMedia: Header<string> = header('P-Early-Media', tokens)
export const PMediaAuthorization: Header<string> = header('P-Media-Authorization', tokens)
export const PVisitedNetworkId: Header<Token> = header('P-Visited-Network-ID', tokensOrQuoted)
