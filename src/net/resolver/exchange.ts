import { sameAddress } from '../../util/address.ts'
import { EnvironmentError } from '../../util/errors.ts'
import type { Tokens } from '../../util/random.ts'
import type { Timer, TimerOwner, Timers } from '../../util/timers.ts'
import type { DnsCounters } from './counters.ts'
import type { DnsChannel, DnsChannelUser, DnsNetwork } from './network.ts'
import type { NameServer } from './servers.ts'
import { type DnsAnswer, encodeQuestion, type Question, readAnswer } from './wire.ts'

/** What an exchange works with. */
export interface ExchangeRoom {
  readonly network: DnsNetwork
  readonly timers: Timers
  readonly dice: Tokens
  readonly counters: DnsCounters
}

export interface ExchangeUser {
  /** Last: whole, to this question, of this server. */
  onAnswer(exchange: Exchange, answer: DnsAnswer): void
  /** No answer in time. The exchange goes on listening: a late answer is one. */
  onSilent(exchange: Exchange): void
  /** Last: the server cannot be reached. */
  onUnreachable(exchange: Exchange, error: EnvironmentError): void
}

/** Wrong answers to one question after which somebody is guessing: TCP cannot be guessed into (RFC 5452). */
const MOST_MISMATCHES = 16
/** A connection and an answer take two round trips. */
const TCP_PATIENCE = 2

const FORMERR = 1
const NOTIMP = 4
const BADVERS = 16

/** One question to one name server: over UDP from a port of its own, over TCP where the answer does not fit. */
export class Exchange implements DnsChannelUser, TimerOwner<'silent'> {
  readonly server: NameServer
  readonly began: number
  transport: 'udp' | 'tcp' = 'udp'
  /** It was given up once. */
  isLate: boolean = false
  readonly #question: Question
  readonly #room: ExchangeRoom
  readonly #user: ExchangeUser
  readonly #timeout: number
  readonly #deadline: number
  readonly #timer: Timer
  #channel: DnsChannel | undefined
  #id = 0
  #edns: boolean
  #mismatches = 0
  #ended = false

  /** `timeout` over UDP; over TCP it has longer, but never past `deadline` on the clock. Nothing is sent before `start`. */
  constructor(
    question: Question,
    server: NameServer,
    timeout: number,
    deadline: number,
    room: ExchangeRoom,
    user: ExchangeUser,
  ) {
    this.#question = question
    this.server = server
    this.#edns = server.edns
    this.#timeout = timeout
    this.#deadline = deadline
    this.#room = room
    this.#user = user
    this.began = room.timers.now()
    this.#timer = room.timers.start(this, 'silent', Math.min(timeout, deadline - this.began))
  }

  start(): void {
    this.#open('udp')
  }

  close(): void {
    this.#ended = true
    this.#room.timers.stop(this.#timer)
    this.#channel?.close()
    this.#channel = undefined
  }

  onTimer(): void {
    if (this.isLate) return
    this.isLate = true
    this.#room.counters.silent++
    this.#user.onSilent(this)
  }

  onMessage(bytes: Buffer, address: string, port: number): void {
    if (this.#ended) return
    const { counters } = this.#room
    if (port !== this.server.port || !sameAddress(withoutZone(address), withoutZone(this.server.address))) {
      this.#onMismatch()
      return
    }
    const answer = readAnswer(bytes, this.#question, this.#id)
    if (answer === 'mismatch') this.#onMismatch()
    else if (answer === 'malformed') {
      counters.malformed++
      this.#onBadStream()
    } else this.#onAnswer(answer)
  }

  onChannelFailure(error: EnvironmentError): void {
    if (this.#ended) return
    this.close()
    this.#user.onUnreachable(this, error)
  }

  #onAnswer(answer: DnsAnswer): void {
    const { counters } = this.#room
    if (this.#edns && (answer.rcode === FORMERR || answer.rcode === NOTIMP || answer.rcode === BADVERS)) {
      // RFC 6891: it knows no EDNS, so it is asked again without
      this.server.edns = false
      this.#edns = false
      this.#send()
      return
    }
    if (answer.truncated && this.transport === 'udp') {
      counters.truncated++
      this.#open('tcp')
      return
    }
    counters.answered++
    counters.oddRecords += answer.odd
    if (this.isLate) counters.late++
    this.close()
    this.#user.onAnswer(this, answer)
  }

  #onMismatch(): void {
    this.#room.counters.mismatched++
    if (++this.#mismatches === MOST_MISMATCHES && this.transport === 'udp') this.#open('tcp')
    else this.#onBadStream()
  }

  /** Nobody but the server writes into a connection that had one question: it will not do better. */
  #onBadStream(): void {
    if (this.transport === 'udp') return
    this.onChannelFailure(
      new EnvironmentError('EBADRESP', `${this.server.text} answers with what is no answer`),
    )
  }

  #open(transport: 'udp' | 'tcp'): void {
    const { network, timers } = this.#room
    this.#channel?.close()
    this.transport = transport
    if (transport === 'tcp' && !this.isLate) {
      const left = Math.max(0, this.#deadline - timers.now())
      timers.restart(this.#timer, Math.min(TCP_PATIENCE * this.#timeout, left))
    }
    try {
      const channel = network[transport](this.server, this)
      if (this.#ended) channel.close()
      else this.#channel = channel
    } catch (error) {
      this.onChannelFailure(asEnvironmentError(error))
    }
    this.#send()
  }

  #send(): void {
    if (this.#ended) return
    this.#id = this.#room.dice.below(0x1_0000)
    this.#room.counters.sent++
    this.#channel?.send(encodeQuestion(this.#question, this.#id, this.#edns))
  }
}

/** The zone has done its work where the system chose the interface, and systems write it as they like. */
function withoutZone(address: string): string {
  const percent = address.indexOf('%')
  return percent < 0 ? address : address.slice(0, percent)
}

function asEnvironmentError(error: unknown): EnvironmentError {
  return error instanceof EnvironmentError
    ? error
    : new EnvironmentError('ERR_SYSTEM', 'a question to a name server could not be sent', { cause: error })
}
