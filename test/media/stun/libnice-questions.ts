import { StunWriter } from '../../../src/media/stun/index.ts'
import { seededRandom, Tokens } from '../../../src/util/random.ts'

/** Flag bits that go together in practice, by libnice agent number. */
const flags = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 130, 134, 138, 142, 129]
const users = ['-', text('alice'), text('"bob"'), text('マトリックス'), text('x'.repeat(64))]
const passwords = ['-', text('secret'), text('"quoted"\0'), text('p')]
// an empty one (or an empty nonce, which OC2007 takes for the realm) makes libnice 0.1.21 read past its end and crash
const realms = ['example.org', '"quoted"', 'r']
const software = ['-', text('anchor'), text('é'.repeat(150)), text('name 1.0')]
const MESSAGE_INTEGRITY = 0x0008

/**
 * Every agent compatibility × TURN compatibility × port mode × (without, with previous response), each once, then
 * `count` questions at random. Repeatable.
 */
export function questions(count: number, seed: number): string[] {
  const dice = new Tokens(seededRandom(seed))
  const list: string[] = []
  for (let agent = 0; agent < 4; agent++) {
    for (let turn = 0; turn < 5; turn++) {
      for (let ports = 0; ports < 3; ports++) {
        for (const previous of [false, true]) list.push(create(dice, agent, turn, ports, previous))
      }
      for (const previous of [false, true]) list.push(refresh(dice, agent, turn, previous))
    }
  }
  for (let i = 0; i < count; i++) {
    const agent = dice.below(4)
    const turn = dice.below(5)
    const kind = dice.below(6)
    if (kind === 0) list.push(create(dice, agent, turn, dice.below(3), dice.below(2) === 1))
    else if (kind === 1) list.push(refresh(dice, agent, turn, dice.below(2) === 1))
    else if (kind === 2) list.push(process(dice, 'refresh-process', agent, turn))
    else list.push(process(dice, 'process', agent, turn))
  }
  return list
}

function create(dice: Tokens, agent: number, turn: number, ports: number, previous: boolean): string {
  const flag = one(dice, flags)
  const numbers = `${turn} ${ports} ${one(dice, [-1, 0, 64, 2 ** 31 - 1])} ${one(dice, [-1, 0, 600, 3600])}`
  return `create ${agent} ${flag} ${one(dice, software)} ${numbers} ${credentials(dice, agent, flag, previous)}`
}

function refresh(dice: Tokens, agent: number, turn: number, previous: boolean): string {
  const flag = one(dice, flags)
  const numbers = `${turn} ${one(dice, [-1, 0, 600])}`
  return `refresh ${agent} ${flag} ${one(dice, software)} ${numbers} ${credentials(dice, agent, flag, previous)}`
}

function credentials(dice: Tokens, agent: number, flag: number, previous: boolean): string {
  return `${one(dice, users)} ${one(dice, passwords)} ${previous ? challenge(dice, agent, flag) : '-'}`
}

/** A response with realm, nonce, reservation token, in any order, some missing, some hidden behind the integrity. */
function challenge(dice: Tokens, agent: number, flag: number): string {
  const writer = response(dice, 3, dice.below(2) === 1 ? 'error' : 'success', agent, flag)
  const add = [
    () => writer.addOctets(0x0014, Buffer.from(one(dice, realms))),
    () => writer.addOctets(0x0015, Buffer.from(one(dice, ['f//499k954d6OL34oL9FSTvy64sA', 'n1', 'n']))),
    () => writer.addOctets(0x0022, bytes(dice, one(dice, [8, 8, 8, 4]))),
    () => writer.addOctets(0x0009, bytes(dice, 4)),
  ]
  for (let i = dice.below(4); i > 0; i--) add.push(add.splice(dice.below(add.length), 1)[0] ?? (() => writer))
  for (const [i, put] of add.entries()) {
    if (dice.below(5) > 0) put()
    if (i === 2 && dice.below(6) === 0) writer.addOctets(MESSAGE_INTEGRITY, bytes(dice, 20))
  }
  return writer.finish().toString('hex')
}

/** A response with any of the attributes that the functions look at, well-formed or not. */
function process(dice: Tokens, asks: string, agent: number, turn: number): string {
  const flag = one(dice, flags)
  const stunClass = one(dice, [
    'success',
    'success',
    'success',
    'error',
    'error',
    'request',
    'indication',
  ] as const)
  const writer = response(dice, one(dice, [3, 3, 3, 4, 4, 1]), stunClass, agent, flag)
  for (let i = dice.below(9); i > 0; i--) {
    const type = one(dice, [0x0016, 0x0020, 0x0001, 0x8000, 0x8020, 0x8023, 0x000e, 0x000d, 0x0010, 0x0009])
    if (type === 0x0009) writer.addOctets(type, errorCode(dice))
    else if (type === 0x000d || type === 0x0010)
      writer.addOctets(type, bytes(dice, one(dice, [4, 4, 4, 4, 8, 3])))
    else writer.addOctets(type, address(dice))
    if (dice.below(20) === 0) writer.addOctets(MESSAGE_INTEGRITY, bytes(dice, 20))
  }
  return `${asks} ${agent} ${flag} ${turn} ${writer.finish().toString('hex')}`
}

function response(
  dice: Tokens,
  method: number,
  stunClass: 'success' | 'error' | 'request' | 'indication',
  agent: number,
  flag: number,
): StunWriter {
  const classic = agent === 0 || agent === 3
  const alignment = (flag & 128) !== 0 ? 1 : 4
  return new StunWriter(method, stunClass, bytes(dice, classic ? 16 : 12), { alignment })
}

function errorCode(dice: Tokens): Uint8Array {
  const code = one(dice, [
    [3, 0],
    [3, 0],
    [4, 1],
    [4, 38],
    [5, 8],
    [2, 0],
    [7, 0],
    [4, 100],
  ])
  return new Uint8Array([0, 0, ...code, ...bytes(dice, one(dice, [0, 4, 7]))]).subarray(
    0,
    one(dice, [11, 11, 11, 3]),
  )
}

function address(dice: Tokens): Uint8Array {
  const family = one(dice, [1, 1, 1, 2, 2, 3])
  const value = bytes(dice, one(dice, [family === 2 ? 20 : 8, family === 2 ? 20 : 8, 8, 20, 3, 5]))
  value[1] = family
  return value
}

function bytes(dice: Tokens, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => dice.byte())
}

function one<T>(dice: Tokens, list: readonly T[]): T {
  const found = list[dice.below(list.length)]
  if (found === undefined) throw new Error('an empty list')
  return found
}

function text(value: string): string {
  return Buffer.from(value).toString('hex')
}
