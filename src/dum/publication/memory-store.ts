import type { PublicationStore, StoredPublication } from '../handlers/publication.ts'

/** Publications in memory. */
export class MemoryPublicationStore implements PublicationStore {
  readonly #byTag = new Map<string, StoredPublication>()
  readonly #byResource = new Map<string, Map<string, StoredPublication>>()

  get size(): number {
    return this.#byTag.size
  }

  find(etag: string): StoredPublication | undefined {
    return this.#byTag.get(etag)
  }

  put(publication: StoredPublication): void {
    const key = keyOf(publication.event, publication.resource)
    let all = this.#byResource.get(key)
    if (all === undefined) {
      all = new Map()
      this.#byResource.set(key, all)
    }
    all.set(publication.etag, publication)
    this.#byTag.set(publication.etag, publication)
  }

  delete(etag: string): void {
    const publication = this.#byTag.get(etag)
    if (publication === undefined) return
    this.#byTag.delete(etag)
    const key = keyOf(publication.event, publication.resource)
    const all = this.#byResource.get(key)
    all?.delete(etag)
    if (all?.size === 0) this.#byResource.delete(key)
  }

  of(event: string, resource: string): readonly StoredPublication[] {
    return [...(this.#byResource.get(keyOf(event, resource))?.values() ?? [])]
  }
}

function keyOf(event: string, resource: string): string {
  return `${event} ${resource}`
}
