/** `resip/stack`: SIP messages, and all that sends and receives them. */
export {
  type FirstUseCertificates,
  type FirstUseOptions,
  firstUseCertificates,
} from '../net/first-use-certificates.ts'
export type { DnsCounters } from '../net/resolver/counters.ts'
export { DnsResolver } from '../net/resolver/dns-resolver.ts'
export type { DnsTry } from '../net/resolver/entry.ts'
export type { DnsExplanation } from '../net/resolver/explanation.ts'
export type { DnsOptions } from '../net/resolver/options.ts'
export type { NaptrRecord, Records, Resolver, SrvRecord } from '../net/resolver/resolver.ts'
export type { ListenerReceiver, StreamConnection, StreamReceiver } from '../net/stream.ts'
export type { PeerOptions, TlsCertificate } from '../net/tls-contexts.ts'
export { TlsContexts, type TlsOptions } from '../net/tls-contexts.ts'
export {
  type CertificateSummary,
  inspectTls,
  type TlsInspection,
  type TlsInspectionOptions,
} from '../net/tls-inspection.ts'
export type {
  CheckUpgrade,
  UpgradeAnswer,
  UpgradeRefusal,
  UpgradeRequest,
} from '../net/upgrade-request.ts'
export type { AddressFamily, TransportAddress } from '../util/address.ts'
export type { Alarm, Clock } from '../util/clock.ts'
export { EnvironmentError, PeerError, ResipError, UsageError } from '../util/errors.ts'
export { type Log, type LogLevel, printable } from '../util/log.ts'
export { Networks } from '../util/networks.ts'
export { type Timer, type TimerOwner, Timers } from '../util/timers.ts'
export { type AccountOptions, DigestAccount } from './auth/account.ts'
export type { DigestAlgorithm } from './auth/algorithm.ts'
export { DigestClient, type DigestClientOptions } from './auth/client.ts'
export type { Proof } from './auth/client-session.ts'
export { ha1, type Qop } from './auth/digest.ts'
export { DigestExchange } from './auth/exchange.ts'
export { FileUsers, type FileUsersOptions } from './auth/io/file-users.ts'
export type { HashName } from './auth/io/hash.ts'
export type { NonceKey } from './auth/nonces.ts'
export { type Answerable, DigestRealm } from './auth/realm.ts'
export type { RealmOptions } from './auth/realm-options.ts'
export { isForTarget } from './auth/target.ts'
export { parseUsers, UserLineError, userLine } from './auth/user-lines.ts'
export { type Found, MemoryUsers, type StoredUser, type UserEntry, type UserStore } from './auth/users.ts'
export { Authenticated, Exempt, type Refusal, Refused, type Verdict } from './auth/verdict.ts'
export {
  type Content,
  type ContentGrammar,
  content,
  contentsOf,
  type Entity,
  setContents,
} from './contents/content.ts'
export { BodyPart, bodyPart, findContents, Multipart, multipart, multiparts } from './contents/multipart.ts'
export { sdp } from './contents/sdp.ts'
export { SipFrag, sipfrag, sipMessage, statusFrag } from './contents/sipfrag.ts'
export { octets, plainText } from './contents/text.ts'
export type { Flows } from './flow/flows.ts'
export type { KeepUser } from './flow/keep.ts'
export type { KeepAlive, KeepAliveUser, NoKeepAlive } from './flow/keep-alives.ts'
export type { Expectation, ExpectOptions } from './flow/silences.ts'
export type { FlowWatch, FlowWatcher } from './flow/watches.ts'
export { statelessBranch } from './forward/branch.ts'
export type { SecretKey } from './forward/flow-token.ts'
export type { ForwardOptions } from './forward/forwarding.ts'
export { isReachableOnlyByFlow } from './forward/only-by-flow.ts'
export { popOwnRoutes } from './forward/route.ts'
export { validateForForwarding } from './forward/validate.ts'
export { type Header, type HeaderGrammar, header } from './grammar/header.ts'
export { canonicalHost } from './grammar/host.ts'
export { type KnownMethod, type Method, methods } from './grammar/method.ts'
export { NameAddr, type NameAddrParts, nameAddr, wildcardContact } from './grammar/name-addr.ts'
export {
  flagParam,
  noParams,
  numberParam,
  type Param,
  Params,
  type ParamValue,
  qParam,
  quotedParam,
  textParam,
} from './grammar/params.ts'
export { ParseError } from './grammar/parse-error.ts'
export type { Scanner } from './grammar/scanner.ts'
export { Uri, type UriParts, uri } from './grammar/uri.ts'
export { sameUri } from './grammar/uri-equal.ts'
export { embed, embedded } from './grammar/uri-headers.ts'
export { Auth } from './headers/auth.ts'
export { CSeq } from './headers/cseq.ts'
export { Event, SubscriptionState } from './headers/event.ts'
export { GeolocationError } from './headers/geolocation.ts'
export { Identity } from './headers/identity.ts'
export * as h from './headers/index.ts'
export { Info } from './headers/info.ts'
export { Mime, mime } from './headers/mime.ts'
export * as p from './headers/params.ts'
export { RAck } from './headers/rack.ts'
export { Reason, reason } from './headers/reason.ts'
export { DialogReference } from './headers/replaces.ts'
export { ResourcePriority } from './headers/resource-priority.ts'
export { RetryAfter } from './headers/retry-after.ts'
export { SessionId } from './headers/session-id.ts'
export { SessionInterval } from './headers/session-timer.ts'
export { text } from './headers/text.ts'
export { Timestamp } from './headers/timestamp.ts'
export { Token } from './headers/token.ts'
export { Via } from './headers/via.ts'
export { Warning } from './headers/warning.ts'
export type { EnumOptions } from './locate/enum.ts'
export type { GreyListOptions } from './locate/grey-list.ts'
export type { Locate, LocateOptions, TargetOutcome } from './locate/locate.ts'
export type { LocateStep } from './locate/located.ts'
export type { Explanation, LocatingOptions } from './locate/locating.ts'
export type { LocatorOptions } from './locate/locator.ts'
export { type HeaderBlock, headerBlock } from './message/block.ts'
export {
  ack2xx,
  type RequestParts,
  register,
  request,
  response,
} from './message/build.ts'
export { headerLines } from './message/encode.ts'
export type { HeaderEntry } from './message/entry.ts'
export type { Flow, Protocol } from './message/flow.ts'
export { FramerRoom } from './message/framer-room.ts'
export { Identifiers } from './message/identifiers.ts'
export {
  parseMessage,
  type SipMessage,
  SipRequest,
  SipResponse,
} from './message/message.ts'
export type { Attempt, HeaderReader } from './message/reader.ts'
export { reasonPhrase } from './message/status.ts'
export { type MessageTemplate, RequestTemplate, ResponseTemplate } from './message/template.ts'
export { validate } from './message/validate.ts'
export type { StackLimits, StackOptions } from './options.ts'
export { SipStack } from './stack.ts'
export type { Counters } from './statistics.ts'
export type { RequestFilter } from './transaction/admission.ts'
export type { TransactionCounts } from './transaction/layer.ts'
export { MergedRequests } from './transaction/merged.ts'
export { OutgoingAck } from './transaction/outgoing-ack.ts'
export { OutgoingRequest } from './transaction/request.ts'
export { type Attempt as TargetAttempt, RequestFailure } from './transaction/request-failure.ts'
export type { RequestOptions, RequestUser, Served, WayOptions } from './transaction/request-options.ts'
export { SentResponse } from './transaction/sent-response.ts'
export type { ServerFailure } from './transaction/server-machine.ts'
export { ServerTransaction } from './transaction/server-transaction.ts'
export type { TransactionTiming } from './transaction/timers.ts'
export type { TransactionUser } from './transaction/transaction-user.ts'
export { type Connect, ConnectionTable, type ConnectionTableOptions } from './transport/connection-table.ts'
export type { Decorate } from './transport/decorate.ts'
export type { ConnectionLimits } from './transport/framed-connection.ts'
export type { ListenOptions } from './transport/listen-point.ts'
export type { Placement } from './transport/placement.ts'
export type { Target } from './transport/selector.ts'
export { type SentBy, sentByOf } from './transport/sent-by.ts'
export type {
  FlowConnection,
  SendFailure,
  Sent,
  Transport,
  TransportReceiver,
} from './transport/transport.ts'
export type { WebSocketClientOptions, WebSocketOptions } from './transport/websocket-options.ts'
export { WriteQueues } from './transport/write-queues.ts'
