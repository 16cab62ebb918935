import {
  DigestClient,
  DigestRealm,
  h,
  MemoryUsers,
  nameAddr,
  type RequestTemplate,
  register,
  type SipStack,
} from 'resip/stack'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Registrar } from '../../examples/registrar.mjs'
import { settled, targets, World } from '../stack/world.ts'

const SERVER = '192.0.2.2'
const bob = nameAddr('<sip:bob@example.com>')

let world: World
let phone: SipStack
let registrar: Registrar
let credentials: DigestClient

beforeEach(async () => {
  world = new World()
  phone = await world.stack('192.0.2.1')
  const stack = await world.stack(SERVER)
  const users = new MemoryUsers([
    { username: 'bob', realm: 'example.com', secret: 'secret' },
    { username: 'carol', realm: 'example.com', secret: 'other' },
  ])
  registrar = new Registrar(stack, new DigestRealm({ realm: 'example.com', users, clock: world.clock }))
  credentials = new DigestClient({ username: 'bob', realms: 'example.com', password: 'secret' })
})

afterEach(() => world.close())

/** The status that a REGISTER gets in the end. */
async function status(template: RequestTemplate): Promise<number> {
  const pending = phone.request(template, { credentials, targets: targets('UDP', SERVER) })
  for (let turn = 0; turn < 20; turn++) {
    world.advance(1)
    await settled()
  }
  return (await pending).status
}

function contacts(): string[] {
  return registrar.contactsOf('bob').map(contact => contact.toString())
}

describe('examples/registrar.mjs', () => {
  it('RFC 3261 §10.3: binds, lists, binds anew and forgets what has ended', async () => {
    expect(await status(register(bob).set(h.Expires, 60))).toBe(200)
    expect(contacts()).toEqual(['<sip:bob@192.0.2.1:5060>;expires=60'])
    expect(await status(register(bob).setText(h.Contact, '<sip:bob@192.0.2.1:5060>;expires=90'))).toBe(200)
    expect(await status(register(bob).setText(h.Contact, '<sip:bob@192.0.2.9>;expires=10'))).toBe(200)
    expect(contacts()).toHaveLength(2)
    world.advance(10_000)
    expect(contacts()).toEqual(['<sip:bob@192.0.2.1:5060>;expires=80'])
    world.advance(80_000)
    expect([contacts(), registrar.bindings.size]).toEqual([[], 0])
  })

  it('RFC 3261 §10.3, step 6: an asterisk ends all bindings, with Expires: 0 alone', async () => {
    expect(await status(register(bob))).toBe(200)
    expect(await status(register(bob).setText(h.Contact, '*'))).toBe(400)
    expect(await status(register(bob).setText(h.Contact, '*').set(h.Expires, 0))).toBe(200)
    expect(contacts()).toEqual([])
  })

  it('RFC 3261 §10.3, step 6: an asterisk beside another Contact is none', async () => {
    expect(await status(register(bob))).toBe(200)
    const both = register(bob).setText(h.Contact, '*', '<sip:bob@192.0.2.9>')
    expect(await status(both.set(h.Expires, 0))).toBe(400)
    expect(contacts()).toHaveLength(1)
  })

  it('RFC 3261 §10.3, step 5: nobody is bound at another domain', async () => {
    expect(await status(register(nameAddr('<sip:bob@example.net>'), bob))).toBe(404)
    expect(await status(register(nameAddr(`<sip:bob@${SERVER}>`), bob))).toBe(200)
  })

  it('RFC 3261 §10.3, step 7: an older request of the same Call-ID changes nothing', async () => {
    const first = register(bob)
    expect(await status(first)).toBe(200)
    expect(await status(first.derive().set(h.Expires, 0))).toBe(500)
    expect(contacts()).toHaveLength(1)
  })

  it('nobody registers for another, and nobody who does not know a secret', async () => {
    expect(await status(register(nameAddr('<sip:carol@example.com>'), bob))).toBe(403)
    credentials = new DigestClient({ username: 'bob', realms: 'example.com', password: 'guess' })
    expect(await status(register(bob))).toBe(401)
    expect(registrar.bindings.size).toBe(0)
  })
})
