/**
 * The `p` namespace: the parameters the stack knows, each a token for `param` and `withParam`. A parameter is called
 * as in its RFC in camel case, `p.regId`, `p.icidValue`; the features of RFC 3840 without their `+sip.`, `p.instance`.
 * Texts come without quotes and escapes; a parameter that cannot be read is `undefined`, like one that is absent.
 */
import { flagParam, numberParam, type Param, qParam, quotedParam, textParam } from '../grammar/params.ts'
import { maddrParam } from '../grammar/uri-params.ts'

/** A token that some write in upper and others in lower case, read as lower case. */
function lowerCaseParam(name: string): Param<string> {
  return { ...textParam(name), parse: text => text.toLowerCase() }
}

// URIs (RFC 3261 §19.1.1, RFC 5627)
export const transport: Param<string> = lowerCaseParam('transport')
export const user: Param<string> = lowerCaseParam('user')
export const method: Param<string> = textParam('method')
export const ttl: Param<number> = numberParam('ttl')
export const maddr: Param<string> = maddrParam
export const lr: Param<true> = flagParam('lr')
export const comp: Param<string> = textParam('comp')
export const sigcompId: Param<string> = quotedParam('sigcomp-id')
export const ob: Param<true> = flagParam('ob')
/** A GRUU's opaque part; `''` in a temporary GRUU, where the parameter has no value. */
export const gr: Param<string> = {
  ...textParam('gr'),
  encode: value => (value === '' ? undefined : textParam('gr').encode(value)),
}
/** A telephone extension or its context (RFC 3966 §3). */
export const ext: Param<string> = textParam('ext')
export const phoneContext: Param<string> = textParam('phone-context')
/** The target and the cause of a retargeting (RFC 4458). */
export const target: Param<string> = textParam('target')
export const cause: Param<number> = numberParam('cause')

// Via (RFC 3261 §20.42, RFC 3581, RFC 5923)
export const branch: Param<string> = textParam('branch')
export const received: Param<string> = textParam('received')
/** A port, or `true` where the parameter stands without a value to ask for it. */
export const rport: Param<number | true> = {
  name: 'rport',
  parse: text => (text === '' ? true : numberParam('rport').parse(text)),
  encode: value => (value === true ? undefined : String(value)),
}
export const alias: Param<true> = flagParam('alias')
/** Seconds between keep-alives, or `true` where the parameter stands without a value to ask for them (RFC 6223). */
export const keep: Param<number | true> = {
  name: 'keep',
  parse: text => (text === '' ? true : numberParam('keep').parse(text)),
  encode: value => (value === true ? undefined : String(value)),
}

// addresses and contacts (RFC 3261 §20.10, RFC 5626, RFC 5627)
export const tag: Param<string> = textParam('tag')
export const q: Param<number> = qParam('q')
/** Seconds. */
export const expires: Param<number> = numberParam('expires')
export const regId: Param<number> = numberParam('reg-id')
/** URN of a device without the angle brackets that stand around it on the wire. */
export const instance: Param<string> = {
  name: '+sip.instance',
  parse: text => text.replace(/^<(.*)>$/, '$1'),
  encode: value => ({ quoted: value.startsWith('<') ? value : `<${value}>` }),
}
export const pubGruu: Param<string> = quotedParam('pub-gruu')
export const tempGruu: Param<string> = quotedParam('temp-gruu')
export const rinstance: Param<string> = textParam('rinstance')

// capabilities (RFC 3840 §9)
export const audio: Param<true> = flagParam('audio')
export const video: Param<true> = flagParam('video')
export const text: Param<true> = flagParam('text')
export const data: Param<true> = flagParam('data')
export const control: Param<true> = flagParam('control')
export const application: Param<true> = flagParam('application')
export const automata: Param<true> = flagParam('automata')
export const isfocus: Param<true> = flagParam('isfocus')
export const duplex: Param<string> = quotedParam('duplex')
export const mobility: Param<string> = quotedParam('mobility')
export const description: Param<string> = quotedParam('description')
export const events: Param<string> = quotedParam('events')
export const priority: Param<string> = quotedParam('priority')
export const methods: Param<string> = quotedParam('methods')
export const schemes: Param<string> = quotedParam('schemes')
export const extensions: Param<string> = quotedParam('extensions')
export const language: Param<string> = quotedParam('language')
export const type: Param<string> = quotedParam('type')
export const actor: Param<string> = quotedParam('actor')
/** Caller preferences (RFC 3841 §9.2). */
export const require: Param<true> = flagParam('require')
export const explicit: Param<true> = flagParam('explicit')

// authentication (RFC 3261 §25.1, RFC 7616, RFC 3310)
export const realm: Param<string> = quotedParam('realm')
export const domain: Param<string> = quotedParam('domain')
export const nonce: Param<string> = quotedParam('nonce')
export const opaque: Param<string> = quotedParam('opaque')
export const stale: Param<string> = lowerCaseParam('stale')
export const algorithm: Param<string> = textParam('algorithm')
/** Bare in credentials; a challenge has it in quotes, `{ quoted: 'auth' }`. */
export const qop: Param<string> = textParam('qop')
export const username: Param<string> = quotedParam('username')
export const uri: Param<string> = quotedParam('uri')
export const response: Param<string> = quotedParam('response')
export const cnonce: Param<string> = quotedParam('cnonce')
export const nc: Param<string> = textParam('nc')
export const rspauth: Param<string> = quotedParam('rspauth')
export const nextnonce: Param<string> = quotedParam('nextnonce')
/** Security agreement (RFC 3329 §2.2). */
export const dAlg: Param<string> = textParam('d-alg')
export const dQop: Param<string> = textParam('d-qop')
export const dVer: Param<string> = quotedParam('d-ver')
/** Identity (RFC 8224 §4). */
export const alg: Param<string> = textParam('alg')
export const ppt: Param<string> = textParam('ppt')
/** URI of the certificate without its angle brackets. */
export const info: Param<string> = {
  name: 'info',
  parse: text => text.replace(/^<(.*)>$/, '$1'),
  encode: value => `<${value}>`,
}

// dialogs, events and transfers
export const toTag: Param<string> = textParam('to-tag')
export const fromTag: Param<string> = textParam('from-tag')
export const localTag: Param<string> = textParam('local-tag')
export const remoteTag: Param<string> = textParam('remote-tag')
export const earlyOnly: Param<true> = flagParam('early-only')
export const refresher: Param<string> = lowerCaseParam('refresher')
export const id: Param<string> = textParam('id')
export const reason: Param<string> = textParam('reason')
export const retryAfter: Param<number> = numberParam('retry-after')
export const duration: Param<number> = numberParam('duration')
export const purpose: Param<string> = textParam('purpose')
/** History-Info (RFC 7044 §5). */
export const index: Param<string> = textParam('index')
export const rc: Param<string> = textParam('rc')
export const mp: Param<string> = textParam('mp')
export const np: Param<string> = textParam('np')
/** Diversion (RFC 5806 §5). */
export const counter: Param<number> = numberParam('counter')
export const limit: Param<number> = numberParam('limit')
export const screen: Param<string> = textParam('screen')
export const privacy: Param<string> = textParam('privacy')
/** User-to-User (RFC 7433 §4.1). */
export const content: Param<string> = textParam('content')
export const encoding: Param<string> = textParam('encoding')

// user agent profiles (RFC 6080 §9)
export const profileType: Param<string> = textParam('profile-type')
export const vendor: Param<string> = quotedParam('vendor')
export const model: Param<string> = quotedParam('model')
export const version: Param<string> = quotedParam('version')
export const document: Param<string> = textParam('document')
export const appId: Param<string> = textParam('app-id')
export const networkUser: Param<string> = textParam('network-user')
export const effectiveBy: Param<number> = numberParam('effective-by')

// media types and dispositions (RFC 2045, RFC 2046, RFC 4483, RFC 8551)
export const boundary: Param<string> = textParam('boundary')
export const charset: Param<string> = textParam('charset')
export const handling: Param<string> = lowerCaseParam('handling')
export const accessType: Param<string> = textParam('access-type')
export const directory: Param<string> = textParam('directory')
export const filename: Param<string> = quotedParam('filename')
export const mode: Param<string> = textParam('mode')
export const name: Param<string> = textParam('name')
export const permission: Param<string> = textParam('permission')
export const site: Param<string> = textParam('site')
export const size: Param<string> = textParam('size')
export const expiration: Param<string> = quotedParam('expiration')
export const url: Param<string> = quotedParam('url')
export const micalg: Param<string> = textParam('micalg')
export const protocol: Param<string> = quotedParam('protocol')
export const smimeType: Param<string> = textParam('smime-type')
export const start: Param<string> = quotedParam('start')

// the networks of 3GPP (RFC 7315 §5.4 to §5.6)
export const utranCellId3gpp: Param<string> = textParam('utran-cell-id-3gpp')
export const cgi3gpp: Param<string> = textParam('cgi-3gpp')
export const ccf: Param<string> = textParam('ccf')
export const ecf: Param<string> = textParam('ecf')
export const icidValue: Param<string> = textParam('icid-value')
export const icidGeneratedAt: Param<string> = textParam('icid-generated-at')
export const origIoi: Param<string> = textParam('orig-ioi')
export const termIoi: Param<string> = textParam('term-ioi')
