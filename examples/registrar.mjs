// A registrar that asks who registers: bindings in memory, digest by an order of algorithms that can be given.
//
//   node examples/registrar.mjs --realm example.com --user bob:secret --algorithms SHA-256,MD5 udp:127.0.0.1:5060
//
// `--users FILE` takes a file instead, lines of user:realm:algorithm:ha1, read anew when it changes.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DigestRealm, FileUsers, h, isForTarget, MemoryUsers, p, SipStack, sameUri } from 'resip/stack'

const METHODS = ['REGISTER', 'OPTIONS']
const MAX_USERS = 100_000
const MAX_CONTACTS = 10
/** Seconds. */
const DEFAULT_EXPIRES = 3600

/** Makes `stack` a registrar (RFC 3261 §10.3) for the users of `realm`. */
export class Registrar {
  constructor(stack, realm) {
    this.stack = stack
    this.realm = realm
    /** By user: his contacts, each with the time it ends, and the Call-ID and CSeq that it was last bound by. */
    this.bindings = new Map()
    stack.addUser({
      methods: METHODS,
      accepts: request => METHODS.includes(request.method),
      onRequest: transaction => this.onRequest(transaction),
    })
  }

  async onRequest(transaction) {
    if (transaction.method === 'OPTIONS') {
      transaction.respond(transaction.response(200).set(h.Allow, ...METHODS))
      return
    }
    const caller = await this.realm.authenticate(transaction)
    // it was challenged, or refused
    if (caller === undefined) return
    const { user, host, port } = transaction.request.to.uri
    if (!this.isDomain(host, port)) transaction.respond(404)
    else if (user !== caller.username) transaction.respond(403)
    else if (this.update(user, transaction)) {
      const ok = transaction.response(200).set(h.Contact, ...this.contactsOf(user))
      transaction.respond(caller.addInfo(ok))
    }
  }

  /** Whether addresses-of-record of this domain are kept here (§10.3, step 5). */
  isDomain(host, port) {
    return host.toLowerCase() === this.realm.realm.toLowerCase() || this.stack.isOurs(host, port)
  }

  /** What is bound now, with the seconds that are left. */
  contactsOf(user) {
    const now = this.stack.timers.now()
    const live = (this.bindings.get(user) ?? []).filter(binding => binding.ends > now)
    if (live.length > 0) this.bindings.set(user, live)
    else this.bindings.delete(user)
    return live.map(({ contact, ends }) => contact.withParam(p.expires, Math.ceil((ends - now) / 1000)))
  }

  /** Takes the Contacts of a REGISTER, all of them or none; false where it was answered (§10.3, steps 6 and 7). */
  update(user, transaction) {
    const { request } = transaction
    const { callId, cseq } = request
    const now = this.stack.timers.now()
    const wanted = request.all(h.Contact)
    const whole = request.get(h.Expires)
    const isWildcard = wanted.some(contact => contact.isWildcard)
    if (isWildcard && (whole !== 0 || wanted.length > 1)) {
      transaction.respond(400)
      return false
    }
    this.contactsOf(user)
    let bindings = this.bindings.get(user) ?? []
    for (const contact of isWildcard ? bindings.map(binding => binding.contact) : wanted) {
      const known = bindings.find(binding => sameUri(binding.contact.uri, contact.uri))
      // an older request that comes late changes nothing
      if (known?.callId === callId && known.cseq >= cseq.number) {
        transaction.respond(500)
        return false
      }
      bindings = bindings.filter(binding => binding !== known)
      const seconds = isWildcard ? 0 : (contact.params.get(p.expires) ?? whole ?? DEFAULT_EXPIRES)
      const ends = now + Math.min(seconds, DEFAULT_EXPIRES) * 1000
      if (seconds > 0) bindings.push({ contact, ends, callId, cseq: cseq.number })
    }
    if (bindings.length > MAX_CONTACTS || (!this.bindings.has(user) && this.bindings.size >= MAX_USERS)) {
      transaction.respond(503)
      return false
    }
    this.bindings.set(user, bindings)
    return true
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      realm: { type: 'string', default: 'example.com' },
      user: { type: 'string', multiple: true, default: ['bob:secret'] },
      users: { type: 'string' },
      algorithms: { type: 'string', default: 'SHA-512-256,SHA-256,MD5' },
    },
  })
  const { realm } = values
  const table = values.user.map(entry => {
    const [username, ...secret] = entry.split(':')
    return { username, realm, secret: secret.join(':') }
  })
  const users = values.users === undefined ? new MemoryUsers(table) : new FileUsers(values.users)
  const stack = new SipStack()
  const algorithms = values.algorithms.split(',')
  // some clients sign the address that they send to, whatever the Request-URI is
  const acceptsUri = (uri, request) => isForTarget(uri, request) || stack.isOurUri(uri)
  new Registrar(stack, new DigestRealm({ realm, users, algorithms, acceptsUri }))
  try {
    await stack.listen(...(positionals.length > 0 ? positionals : ['udp:127.0.0.1:5060']))
    console.log(`the registrar listens on ${stack.transports.map(transport => transport.key).join(' and ')}`)
    await new Promise(resolve => {
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    })
  } finally {
    await stack.close()
  }
}
