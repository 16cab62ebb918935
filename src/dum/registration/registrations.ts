import type { NameAddr } from '../../stack/grammar/name-addr.ts'
import type { Uri } from '../../stack/grammar/uri.ts'
import type { DumContext } from '../core/context.ts'
import type { ClientRegistration, ClientRegistrationHandler } from '../handlers/registration.ts'
import type { Profile } from '../profile/profile.ts'
import { accountOf, type RegisterOptions } from './account.ts'
import { Registration } from './client-registration.ts'
import { FlowLosses } from './flow-losses.ts'

/** All registrations of ours. */
export class Registrations {
  readonly #context: DumContext
  readonly #losses = new FlowLosses()
  readonly #all = new Set<Registration>()
  /** One for all of them, where a closure for each would be one too many. */
  readonly #release = (registration: Registration): void => {
    this.#all.delete(registration)
  }

  constructor(context: DumContext) {
    this.#context = context
  }

  get size(): number {
    return this.#all.size
  }

  register(
    what: Profile | NameAddr | Uri | string,
    options: RegisterOptions,
    handler: ClientRegistrationHandler,
    master: Profile,
  ): ClientRegistration {
    const context = this.#context
    const registration = new Registration({
      context,
      account: accountOf(what, options, master, context),
      losses: this.#losses,
      options,
      handler,
      release: this.#release,
    })
    this.#all.add(registration)
    registration.start()
    return registration
  }
}
