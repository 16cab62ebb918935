import { parseMessage, type SipRequest, uri } from 'resip/stack'
import { bindingStoreChecks, headerLines, requestText, type ScriptedPeer, World } from 'resip/testing'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type Binding,
  type BindingStore,
  canonicalAor,
  DialogUsageManager,
  MemoryBindings,
  type RegistrarPolicy,
  registrar,
  type ServerRegistration,
  type ServerRegistrationHandler,
  type StoredBindings,
} from '../../../src/dum/index.ts'
import { settled } from '../../stack/world.ts'

interface Wanted {
  readonly lines?: string
  readonly callId?: string
  readonly cseq?: number
  readonly via?: string
}

/** A registrar at 192.0.2.2 and a phone that says what it is told to. */
class Registrar {
  readonly world = new World({ delay: 10 })
  store: BindingStore = new MemoryBindings({ now: () => this.world.clock.now() })
  phone!: ScriptedPeer
  dum!: DialogUsageManager
  #branch = 0

  static async make(
    handler: ServerRegistrationHandler = {},
    policy: RegistrarPolicy = {},
    store?: BindingStore,
  ): Promise<Registrar> {
    const own = new Registrar()
    if (store !== undefined) own.store = store
    own.world.drawnFrom('192.0.2.1')
    own.dum = new DialogUsageManager(await own.world.stack('192.0.2.2'), { profile: { supported: [] } })
    own.dum.onRegister(handler, own.store, { now: () => own.world.clock.now(), ...policy })
    own.phone = await own.world.peer('192.0.2.1')
    return own
  }

  /** Sends a REGISTER of bob; answered is what comes within 100 ms. */
  register(contact: string, { lines = '', callId = 'c1', cseq = 1, via }: Wanted = {}): string {
    this.send(contact, { lines, callId, cseq, ...(via !== undefined && { via }) })
    this.world.advance(100)
    return this.last
  }

  send(contact: string, { lines = '', callId = 'c1', cseq = 1, via }: Wanted = {}): void {
    const branch = `z9hG4bK${this.#branch++}`
    const extra = (contact === '' ? '' : `Contact: ${contact}\r\n`) + lines
    const own =
      via === undefined ? { branch } : { via: `SIP/2.0/UDP 192.0.2.1:5060;branch=${branch}\r\nVia: ${via}` }
    this.phone.send(requestText('REGISTER', { ...own, callId, cseq, extra }), '192.0.2.2')
  }

  get last(): string {
    return this.phone.heard.at(-1)?.toString() ?? ''
  }

  /** Status and Contacts of an answer. */
  static brief(answer: string): string {
    return [
      answer.split(' ')[1],
      ...headerLines(answer, 'Contact').map(text => text.replace('sip:', '')),
    ].join(' ')
  }

  bound(): string[] {
    const stored = this.store.read('sip:bob@example.com')
    return 'bindings' in stored ? stored.bindings.map(({ contact }) => contact) : []
  }
}

const { brief } = Registrar
let registrarOf: Registrar | undefined
afterEach(async () => {
  await registrarOf?.world.close()
  registrarOf = undefined
})
async function make(...parts: Parameters<typeof Registrar.make>): Promise<Registrar> {
  registrarOf = await Registrar.make(...parts)
  return registrarOf
}

describe('RFC 3261 §10.3: the rules', () => {
  test('adds, lists all with what is left of their time, and dates the answer', async () => {
    const own = await make()
    expect(brief(own.register('<sip:a@192.0.2.1>;expires=600'))).toBe('200 <a@192.0.2.1>;expires=600')
    own.world.advance(99_900)
    const answer = own.register('<sip:b@192.0.2.1>;q=0.5', { lines: 'Expires: 120\r\n', callId: 'c2' })
    expect(brief(answer)).toBe('200 <a@192.0.2.1>;expires=500 <b@192.0.2.1>;q=0.5;expires=120')
    expect(headerLines(answer, 'Date')).toEqual(['Thu, 01 Jan 1970 00:01:40 GMT'])
    own.world.advance(130_000)
    expect(brief(own.register(''))).toBe('200 <a@192.0.2.1>;expires=370')
  })

  test('compares URIs, not their text', async () => {
    const own = await make()
    own.register('<sip:%61@192.0.2.1>')
    expect(brief(own.register('"A" <sip:a@192.0.2.1>', { cseq: 2 }))).toBe('200 A <a@192.0.2.1>;expires=3600')
  })

  test('step 6: the asterisk removes all, and stands alone with Expires: 0', async () => {
    const own = await make()
    own.register('<sip:a@192.0.2.1>')
    own.register('<sip:b@192.0.2.1>', { callId: 'c2' })
    expect(brief(own.register('*', { cseq: 9 }))).toBe('400')
    expect(brief(own.register('*', { cseq: 9, lines: 'Expires: 60\r\n' }))).toBe('400')
    expect(brief(own.register('*, <sip:c@192.0.2.1>', { cseq: 9, lines: 'Expires: 0\r\n' }))).toBe('400')
    expect(own.bound()).toHaveLength(2)
    expect(brief(own.register('*', { cseq: 1, lines: 'Expires: 0\r\n' }))).toBe('500')
    expect(own.bound()).toHaveLength(2)
    expect(brief(own.register('*', { cseq: 2, lines: 'Expires: 0\r\n' }))).toBe('200')
    expect(own.bound()).toEqual([])
  })

  test('step 7: a CSeq that is not higher changes nothing, of another Call-ID it does', async () => {
    const own = await make()
    own.register('<sip:a@192.0.2.1>', { cseq: 5 })
    expect(brief(own.register('<sip:a@192.0.2.1>;expires=0', { cseq: 5 }))).toBe('500')
    expect(brief(own.register('<sip:n@192.0.2.1>, <sip:a@192.0.2.1>;expires=0', { cseq: 4 }))).toBe('500')
    expect(own.bound()).toEqual(['<sip:a@192.0.2.1>'])
    expect(brief(own.register('<sip:a@192.0.2.1>;expires=0', { cseq: 1, callId: 'other' }))).toBe('200')
    expect(own.bound()).toEqual([])
  })

  test('step 7: 423 with Min-Expires below the least, and never for an hour or 0', async () => {
    const own = await make({}, { minExpires: 7200, maxExpires: 7200, defaultExpires: 7200 })
    const brieflyAsked = own.register('<sip:a@192.0.2.1>;expires=60')
    expect(brieflyAsked).toMatch(/^SIP\/2.0 423 /)
    expect(headerLines(brieflyAsked, 'Min-Expires')).toEqual(['7200'])
    expect(brief(own.register('<sip:a@192.0.2.1>;expires=3600'))).toBe('200 <a@192.0.2.1>;expires=3600')
    expect(brief(own.register('<sip:a@192.0.2.1>;expires=99999', { cseq: 2 }))).toBe(
      '200 <a@192.0.2.1>;expires=7200',
    )
    expect(brief(own.register('<sip:a@192.0.2.1>;expires=0', { cseq: 3 }))).toBe('200')
  })

  test('one Contact too many is refused, with all that came with it', async () => {
    const own = await make({}, { maxContacts: 2 })
    own.register('<sip:a@192.0.2.1>')
    expect(brief(own.register('<sip:b@192.0.2.1>, <sip:c@192.0.2.1>', { cseq: 2 }))).toBe('403')
    expect(own.bound()).toEqual(['<sip:a@192.0.2.1>'])
    expect(brief(own.register('<sip:b@192.0.2.1>, <sip:a@192.0.2.1>;expires=0', { cseq: 3 }))).toContain(
      '200 <b',
    )
  })

  test('step 5: an address of record of nobody here is answered 404', async () => {
    const own = await make({}, { domains: ['example.org', '192.0.2.2'] })
    expect(brief(own.register('<sip:a@192.0.2.1>'))).toBe('404')
  })

  test('step 5: the canonical form', () => {
    expect(canonicalAor(uri('sip:b%6Fb@EXAMPLE.com;user=phone'))).toBe('sip:bob@example.com')
    expect(canonicalAor(uri('sips:Bob@example.com:5070'))).toBe('sip:Bob@example.com:5070')
  })

  test('what is malformed is answered 400 and changes nothing', async () => {
    const own = await make()
    expect(own.register('<sip:a@192.0.2.1', {})).toMatch(/^SIP\/2.0 400 /)
    expect(own.bound()).toEqual([])
  })
})

describe('RFC 5626 §6: outbound', () => {
  const device = (regId: number, host = '192.0.2.1'): string =>
    `<sip:a@${host}>;+sip.instance="<urn:uuid:1>";reg-id=${regId}`
  const outbound = 'Supported: outbound, path, gruu\r\n'

  test('device and reg-id make the binding, whatever the URI', async () => {
    const own = await make({}, { flowTimer: 120 })
    const first = own.register(device(1), { lines: outbound })
    expect(headerLines(first, 'Require')).toEqual(['outbound'])
    expect(headerLines(first, 'Flow-Timer')).toEqual(['120'])
    own.register(device(2), { lines: outbound, callId: 'c2' })
    own.register(device(1, '192.0.2.9'), { lines: outbound, callId: 'c3' })
    const stored = own.store.read('sip:bob@example.com')
    if (!('bindings' in stored)) throw new Error('at once was expected')
    expect(stored.bindings.map(({ regId, instance, callId }) => [regId, instance, callId])).toEqual([
      [2, 'urn:uuid:1', 'c2'],
      [1, 'urn:uuid:1', 'c3'],
    ])
    expect(stored.bindings[1]?.flow).toMatchObject({ address: '192.0.2.1', port: 5060 })
  })

  test('439 where the first hop lacks it; taken where its Path says ob', async () => {
    const own = await make()
    const via = 'SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKphone'
    const without = { via, lines: `${outbound}Path: <sip:edge.example.com;lr>\r\n` }
    expect(brief(own.register(device(1), without))).toBe('439')
    const answer = own.register(device(1), {
      via,
      lines: `${outbound}Path: <sip:edge.example.com;lr;ob>\r\n`,
    })
    expect(headerLines(answer, 'Require')).toEqual(['outbound'])
    expect(headerLines(answer, 'Path')).toEqual(['<sip:edge.example.com;lr;ob>'])
  })

  test('a second lasting Contact beside reg-id is refused; reg-id without a device is ignored', async () => {
    const own = await make()
    expect(brief(own.register(`${device(1)}, <sip:b@192.0.2.1>`, { lines: outbound }))).toBe('400')
    expect(brief(own.register(`${device(1)}, <sip:b@192.0.2.1>;expires=0`, { lines: outbound }))).toContain(
      '200',
    )
    const answer = own.register('<sip:z@192.0.2.1>;reg-id=4', { lines: outbound, callId: 'c9' })
    expect(headerLines(answer, 'Require')).toEqual([])
  })

  test('RFC 5627 §5: GRUUs, public ones for ever, temporary ones anew each time', async () => {
    const own = await make()
    const temporary = (answer: string): string => /temp-gruu="(.*?)"/.exec(answer)?.[1] ?? ''
    const first = own.register(device(1), { lines: outbound })
    const second = own.register(device(1), { lines: outbound, cseq: 2 })
    expect(second).toContain('pub-gruu="sip:bob@example.com;gr=urn:uuid:1"')
    expect(temporary(first)).toMatch(/^sip:tgruu\..+@example\.com;gr$/)
    expect(temporary(second)).not.toBe(temporary(first))
    const stored = own.store.read('sip:bob@example.com')
    expect('bindings' in stored && stored.bindings[0]?.temporaryGruus).toEqual([
      temporary(first),
      temporary(second),
    ])
  })
})

describe('the handler', () => {
  test('is asked by what a REGISTER does', async () => {
    const kinds: string[] = []
    const note = (registration: ServerRegistration): void => {
      kinds.push(`${registration.kind} ${registration.before.length} → ${registration.after.length}`)
      registration.accept()
    }
    const all = { onAdd: note, onRefresh: note, onRemove: note, onRemoveAll: note, onQuery: note }
    const own = await make(all)
    own.register('<sip:a@192.0.2.1>')
    own.register('<sip:a@192.0.2.1>', { cseq: 2 })
    own.register('<sip:b@192.0.2.1>, <sip:a@192.0.2.1>', { cseq: 3 })
    own.register('<sip:a@192.0.2.1>;expires=0', { cseq: 4 })
    own.register('')
    own.register('*', { cseq: 6, lines: 'Expires: 0\r\n' })
    expect(kinds).toEqual([
      'add 0 → 1',
      'refresh 1 → 1',
      'add 1 → 2',
      'remove 2 → 1',
      'query 1 → 1',
      'remove all 1 → 0',
    ])
  })

  test('refuses, and nothing is stored; answers once', async () => {
    let asked: ServerRegistration | undefined
    const own = await make({
      onAdd: registration => {
        asked = registration
        expect(() => registration.reject(603)).toThrow(expect.objectContaining({ code: 'ERR_SIP_STATUS' }))
        registration.reject(403, 'Not from there')
      },
    })
    expect(own.register('<sip:a@192.0.2.1>')).toMatch(/^SIP\/2.0 403 Not from there\r\n/)
    expect(own.bound()).toEqual([])
    expect(() => asked?.accept()).toThrow(expect.objectContaining({ code: 'ERR_SIP_ANSWERED' }))
  })

  test('decides later; the next of the same address waits, of another does not', async () => {
    const open: ServerRegistration[] = []
    const own = await make({ onAdd: registration => void open.push(registration) })
    own.send('<sip:a@192.0.2.1>')
    own.send('<sip:b@192.0.2.1>', { callId: 'c2' })
    own.world.advance(5000)
    expect(open).toHaveLength(1)
    expect(own.phone.titles).toEqual(['100', '100'])
    open[0]?.accept()
    own.world.advance(20)
    expect(own.phone.titles).toEqual(['100', '100', '200'])
    expect(open).toHaveLength(2)
    open[1]?.provide(['<sip:elsewhere@192.0.2.3>;expires=7'])
    own.world.advance(20)
    expect(brief(own.last)).toBe('200 <elsewhere@192.0.2.3>;expires=7')
    expect(own.bound()).toEqual(['<sip:a@192.0.2.1>'])
  })

  test('that never decides is answered 504 before the client gives up', async () => {
    const own = await make({ onAdd: () => {} })
    own.send('<sip:a@192.0.2.1>')
    own.world.advance(31_000)
    expect(own.phone.titles).toEqual(['100', '504'])
    expect(own.dum.counters.staleDuties).toBe(1)
    expect(own.bound()).toEqual([])
  })

  test('that throws, or rejects, is answered 500, and the next is taken', async () => {
    let count = 0
    const own = await make({
      async onAdd(registration) {
        if (count++ === 0) throw new Error('of the application')
        registration.accept()
      },
    })
    own.send('<sip:a@192.0.2.1>')
    own.world.advance(10)
    await settled()
    own.world.advance(10)
    expect(own.phone.titles).toEqual(['500'])
    expect(brief(own.register('<sip:a@192.0.2.1>', { cseq: 2 }))).toContain('200')
  })

  test('that throws when it fills the answer is told, and the answer goes out', async () => {
    const own = await make({
      onAdd: registration =>
        registration.accept(() => {
          throw new Error('of the application')
        }),
    })
    expect(brief(own.register('<sip:a@192.0.2.1>'))).toContain('200')
    expect(own.dum.counters.handlerErrors).toBe(1)
  })
})

/** A store whose answers are given when told to. */
class SlowStore implements BindingStore {
  readonly #inner = new MemoryBindings({ now: () => 0 })
  readonly waiting: (() => void)[] = []

  read(aor: string): Promise<StoredBindings> {
    return this.#later(() => this.#inner.read(aor))
  }

  write(aor: string, bindings: readonly Binding[], version: number): Promise<boolean> {
    return this.#later(() => this.#inner.write(aor, bindings, version))
  }

  #later<T>(act: () => T): Promise<T> {
    return new Promise(resolve => this.waiting.push(() => resolve(act())))
  }
}

describe('a store', () => {
  test('that is slow: in order, each as a whole', async () => {
    const store = new SlowStore()
    const own = await make({}, {}, store)
    own.send('<sip:a@192.0.2.1>')
    own.send('<sip:b@192.0.2.1>', { cseq: 2 })
    own.world.advance(10)
    for (let step = 0; step < 4; step++) {
      expect(store.waiting).toHaveLength(1)
      store.waiting.shift()?.()
      await settled()
    }
    own.world.advance(100)
    expect(own.phone.heard.map(message => brief(message.toString()))).toEqual([
      '200 <a@192.0.2.1>;expires=3600',
      '200 <a@192.0.2.1>;expires=3600 <b@192.0.2.1>;expires=3600',
    ])
  })

  test('that hangs: 500 when its time is over, and its late answer counts no more', async () => {
    const store = new SlowStore()
    const own = await make({}, { storeTimeout: 2000 }, store)
    own.send('<sip:a@192.0.2.1>')
    own.world.advance(2100)
    expect(own.phone.titles).toEqual(['500'])
    store.waiting.shift()?.()
    await settled()
    own.world.advance(100)
    expect(own.phone.titles).toEqual(['500'])
  })

  test('that throws or rejects: 500, told, and the next is taken', async () => {
    let count = 0
    const inner = new MemoryBindings({ now: () => 0 })
    const failing: BindingStore = {
      read: aor => {
        if (count++ === 0) throw new Error('no disk')
        return inner.read(aor)
      },
      write: (aor, bindings, version) =>
        count === 2 ? Promise.reject(new Error('no disk')) : inner.write(aor, bindings, version),
    }
    const own = await make({}, {}, failing)
    expect(brief(own.register('<sip:a@192.0.2.1>'))).toBe('500')
    own.send('<sip:a@192.0.2.1>', { cseq: 2 })
    own.world.advance(10)
    await settled()
    own.world.advance(10)
    expect(brief(own.last)).toBe('500')
    expect(brief(own.register('<sip:a@192.0.2.1>', { cseq: 3 }))).toContain('200')
  })

  test('that another node writes in between: the rules are asked again of what is there then', async () => {
    const inner = new MemoryBindings({ now: () => 0 })
    let meddled = false
    const shared: BindingStore = {
      read: aor => {
        const found = inner.read(aor)
        if (!meddled) {
          meddled = true
          const [binding] = [{ ...plainBinding, contact: '<sip:other@192.0.2.5>' }]
          inner.write(aor, [binding], found.version)
        }
        return found
      },
      write: (aor, bindings, version) => inner.write(aor, bindings, version),
    }
    const own = await make({}, {}, shared)
    expect(brief(own.register('<sip:a@192.0.2.1>'))).toContain('<other@192.0.2.5>')
    expect(own.bound()).toEqual(['<sip:other@192.0.2.5>', '<sip:a@192.0.2.1>'])
  })

  test('more that wait than may: 503 with Retry-After', async () => {
    const own = await make({}, { maxWaiting: 1 }, new SlowStore())
    for (const cseq of [1, 2, 3]) own.send('<sip:a@192.0.2.1>', { cseq })
    own.world.advance(100)
    expect(own.phone.titles).toEqual(['503'])
    expect(headerLines(own.last, 'Retry-After')).toEqual(['5'])
  })
})

const plainBinding: Binding = {
  contact: '',
  expiresAt: 9_999_999_999_999,
  updatedAt: 0,
  callId: 'x',
  cseq: 1,
  q: 1,
  path: '',
  source: '',
  userAgent: '',
  publicGruu: '',
  temporaryGruus: [],
}

describe('MemoryBindings', () => {
  for (const { title, run } of bindingStoreChecks(new MemoryBindings())) test(title, run)

  test('forgets what has expired without a timer, and refuses more than it may keep', () => {
    let now = 0
    const store = new MemoryBindings({ maxAors: 3, now: () => now })
    const binding = { ...plainBinding, expiresAt: 1000 }
    for (const aor of ['a', 'b', 'c']) store.write(aor, [binding], 0)
    expect(() => store.write('d', [binding], 0)).toThrow(expect.objectContaining({ code: 'ERR_SIP_STORE' }))
    now = 2000
    expect(store.write('d', [binding], 0)).toBe(true)
    expect(store.size).toBeLessThan(4)
  })
})

test('the checks of a store find what is wrong', async () => {
  const bad: BindingStore = { read: () => ({ bindings: [plainBinding], version: 1 }), write: () => true }
  for (const { run } of bindingStoreChecks(bad)) await expect(run()).rejects.toThrow()
})

test('registrar(store, policy): the same rules as one function of a request', async () => {
  const store = new MemoryBindings({ now: () => 0 })
  const process = registrar(store, { now: () => 0 })
  const request = (extra: string, cseq = 1): SipRequest => {
    const message = parseMessage(Buffer.from(requestText('REGISTER', { extra, cseq })))
    if (message instanceof Error || !message.isRequest) throw new Error('a request expected')
    return message
  }
  const added = await process(request('Contact: <sip:a@192.0.2.1>\r\n'))
  expect([added.status, added.kind, added.bindings.length]).toEqual([200, 'add', 1])
  expect((await process(request('Contact: <sip:a@192.0.2.1>;expires=1\r\n', 2))).status).toBe(423)
  expect(store.read('sip:bob@example.com').bindings).toHaveLength(1)
})
