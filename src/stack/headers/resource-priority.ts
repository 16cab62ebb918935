import { consistsOf, TOKEN } from '../grammar/chars.ts'
import type { HeaderGrammar } from '../grammar/header.ts'

/** A namespace and a priority in it, `dsn.flash` (RFC 4412 §3.1). */
export class ResourcePriority {
  readonly namespace: string
  readonly priority: string

  constructor(namespace: string, priority: string) {
    this.namespace = namespace
    this.priority = priority
  }

  toString(): string {
    return `${this.namespace}.${this.priority}`
  }
}

/** Resource-Priority and Accept-Resource-Priority. */
export const resourcePriorities: HeaderGrammar<ResourcePriority> = {
  parse: scanner => {
    const text = scanner.token()
    const dot = text.indexOf('.')
    const priority = text.slice(dot + 1)
    if (dot <= 0 || priority.includes('.') || !consistsOf(TOKEN, priority)) {
      scanner.fail('namespace and priority expected')
    }
    return new ResourcePriority(text.slice(0, dot), priority)
  },
  encode: value => value.toString(),
  values: 'listed',
}
